//! The vault: folders of small files beside the database, never in it. One folder per round holds its key, its
//! turnout high-water mark and, once the box was opened, its tombstone.
//!
//! ```text
//! <vault>/vault-<32 hexadecimal digits>/ the mark by which the database knows its vault
//!         poll-42-8KQ2M/<key id>.key     32 bytes, mode 0600
//!                       mark-00000000000000000120    a name is the whole of it: nothing to tear
//!                       cast-3f…a1-00000000000000000080    of one process; more than one may cast
//!                       tombstone
//! ```
//! Only opening a round makes its folder. Where a round has none, the vault's own mark has to be there: an unmounted
//! disk never passes for one from which the key was destroyed.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroize as _;

use super::api::KeyState;
use super::seal::Key;
use crate::domain::digest::Digest;
use crate::domain::ids::PollId;
use crate::domain::slip::PollTag;

/// Before the name of the installation that a vault folder belongs to.
pub(super) const OWNER: &str = "vault-";
/// Before the number of slips that were spent at least.
const MARK: &str = "mark";
/// Before the name of a process and the number of slips that were spent through it at least.
const CAST: &str = "cast-";
/// Before the number of ballots in a live state that was published.
const SHOWN: &str = "shown";
pub(super) const TOMBSTONE: &str = "tombstone";

/// Something about the vault is not as it must be: a sentence for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault(pub(super) String);

/// The vault of an installation: one folder, or several that mirror each other.
pub(super) struct Vault {
    folders: Vec<PathBuf>,
}

/// The place of one round in every vault folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place(String);

impl Place {
    pub(super) fn of(poll: PollId, tag: PollTag) -> Self {
        Place(format!("poll-{poll}-{tag}"))
    }
}

impl Place {
    /// The place that a folder of the vault is, and its round.
    fn named(name: &str) -> Option<(PollId, Self)> {
        let id = name.strip_prefix("poll-")?.split_once('-')?.0.parse().ok()?;
        Some((PollId(id), Place(name.to_owned())))
    }
}

impl Vault {
    /// The vault in these folders.
    pub(super) fn new(folders: Vec<PathBuf>) -> Result<Self, Fault> {
        if folders.is_empty() {
            return Err(Fault("没有指定密钥保管处".to_owned()));
        }
        Ok(Vault { folders })
    }

    pub(super) fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// All rounds that have a place in any folder.
    pub(super) fn places(&self) -> Result<BTreeMap<PollId, Place>, Fault> {
        let mut places = BTreeMap::new();
        for folder in &self.folders {
            let entries = names(folder).map_err(|error| Fault::at(folder, "读不出来", &error))?;
            places.extend(entries.iter().filter_map(|(name, _)| Place::named(name)));
        }
        Ok(places)
    }

    /// The place of the round in each folder.
    pub(super) fn homes(&self, place: &Place) -> impl Iterator<Item = PathBuf> {
        self.folders.iter().map(|folder| folder.join(&place.0))
    }

    /// Puts a new key into every folder and syncs it. Never overwrites one.
    pub(super) fn create_key(&self, place: &Place, key_id: &str, key: &Key) -> Result<(), Fault> {
        for folder in &self.folders {
            let home = folder.join(&place.0);
            create_key_file(folder, &home, key_id, key).map_err(|error| Fault::at(&home, "不能写入密钥", &error))?;
        }
        Ok(())
    }

    /// The key, which every folder must hold and which must have this digest.
    pub(super) fn key(&self, place: &Place, key_id: &str, digest: &Digest) -> Result<Key, Fault> {
        let mut found = None;
        for folder in &self.folders {
            let home = folder.join(&place.0);
            let key = read_key(&home, key_id).map_err(|error| Fault::at(&home, "读不到本轮的密钥", &error))?;
            if key.digest() != *digest {
                return Err(Fault(format!("保管处 {} 中的密钥与本轮不符", home.display())));
            }
            found = Some(key);
        }
        found.ok_or_else(|| Fault("没有指定密钥保管处".to_owned()))
    }

    /// Whether the key of this digest is lost: every folder is there and has it no more. One that cannot be read may have it.
    pub(super) fn has_lost(&self, place: &Place, key_id: &str, digest: &Digest) -> bool {
        let name = format!("{key_id}.key");
        self.folders.iter().all(|folder| match read_key(&folder.join(&place.0), key_id) {
            Ok(key) => key.digest() != *digest,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => true,
            Err(_) => keys(folder, place).is_ok_and(|keys| !keys.iter().any(|key| key.ends_with(&name))),
        })
    }

    /// Records and syncs in every folder that at least `count` slips were spent.
    pub(super) fn raise_mark(&self, place: &Place, count: u64) -> Result<(), Fault> {
        self.raise(place, MARK, count)
    }

    /// Records and syncs in every folder that at least `count` slips were spent through the process of this name, which
    /// nobody else bears.
    pub(super) fn raise_cast(&self, place: &Place, process: &str, count: u64) -> Result<(), Fault> {
        self.raise(place, &format!("{CAST}{process}"), count)
    }

    /// The number of spent slips that the folders know of: the highest that any process saw, or what all of them cast
    /// together where that is more; 0 where the round has none.
    pub(super) fn mark(&self, place: &Place) -> Result<u64, Fault> {
        let highest = self.highest(place)?;
        let cast = highest.iter().filter(|(what, _)| what.starts_with(CAST));
        let together = cast.fold(0, |sum: u64, (_, count)| sum.saturating_add(*count));
        Ok(highest.get(MARK).copied().unwrap_or(0).max(together))
    }

    /// Records and syncs in every folder that a live state of `count` ballots is about to be published.
    pub(super) fn raise_shown(&self, place: &Place, count: u64) -> Result<(), Fault> {
        self.raise(place, SHOWN, count)
    }

    /// The number of ballots in the largest live state that was or was about to be published; 0 where there is none.
    pub(super) fn shown(&self, place: &Place) -> Result<u64, Fault> {
        Ok(self.highest(place)?.get(SHOWN).copied().unwrap_or(0))
    }

    fn raise(&self, place: &Place, what: &str, count: u64) -> Result<(), Fault> {
        for folder in &self.folders {
            let home = folder.join(&place.0);
            raise_mark(&home, what, count).map_err(|error| Fault::at(&home, "不能记录投票数", &error))?;
        }
        Ok(())
    }

    /// The highest count of everything that is counted, over all folders.
    fn highest(&self, place: &Place) -> Result<BTreeMap<String, u64>, Fault> {
        let mut highest: BTreeMap<String, u64> = BTreeMap::new();
        for folder in &self.folders {
            let home = folder.join(&place.0);
            for (what, count, _) in counts(&home).map_err(|error| Fault::at(&home, "不能读取", &error))? {
                let most = highest.entry(what).or_default();
                *most = count.max(*most);
            }
        }
        Ok(highest)
    }

    /// Puts a tombstone into every folder whose place of the round `wants` it, over one that lies there, and syncs it.
    /// `write` produces the same bytes each time it is asked. Goes on to the other folders when one fails.
    pub(super) fn write_tombstone<E: From<Fault>>(
        &self,
        place: &Place,
        wants: impl Fn(&Path) -> bool,
        mut write: impl FnMut(&mut dyn io::Write) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut outcome = Ok(());
        for home in self.homes(place).filter(|home| wants(home)) {
            if let Err(error) = put_tombstone(&home, &mut write) {
                outcome = Err(error);
            }
        }
        outcome
    }

    /// The tombstones of the round: of each folder that holds one.
    pub(super) fn tombstones(&self, place: &Place) -> Vec<Result<File, Fault>> {
        let open = |folder: &PathBuf| {
            let path = folder.join(&place.0).join(TOMBSTONE);
            match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                file => Some(file.map_err(|error| Fault::at(&path, "不能读取", &error))),
            }
        };
        self.folders.iter().filter_map(open).collect()
    }

    /// Whether any folder holds a tombstone of the round: it is over.
    pub(super) fn is_over(&self, place: &Place) -> Result<bool, Fault> {
        self.tombstones(place).into_iter().next().transpose().map(|first| first.is_some())
    }

    /// Whether any folder still holds a key of the round.
    pub(super) fn holds_key(&self, place: &Place) -> bool {
        self.folders.iter().any(|folder| keys(folder, place).map_or(true, |keys| !keys.is_empty()))
    }

    /// What each folder, in their order, says of the round's keys.
    pub(super) fn key_states(&self, place: &Place) -> Vec<KeyState> {
        let state = |folder: &PathBuf| match keys(folder, place) {
            Ok(keys) if keys.is_empty() => KeyState::Destroyed,
            Ok(_) => KeyState::Held,
            Err(_) => KeyState::Unreachable,
        };
        self.folders.iter().map(state).collect()
    }

    /// Destroys every key of the round in every folder: overwritten, cut to nothing, unlinked, folder synced.
    /// Goes on to the other folders when one fails.
    pub(super) fn destroy_keys(&self, place: &Place) -> Result<(), Fault> {
        let mut outcome = Ok(());
        for folder in &self.folders {
            if let Err(error) = destroy_keys(folder, place) {
                outcome = Err(Fault::at(&folder.join(&place.0), "还没有确认密钥已销毁", &error));
            }
        }
        outcome
    }
}

impl Fault {
    /// Something about this path did not work.
    pub(super) fn at(path: &Path, what: &str, error: &io::Error) -> Self {
        Fault(format!("保管处 {} {what}：{error}", path.display()))
    }
}

/// A name that nobody else bears.
pub(super) fn unique() -> String {
    data_encoding::HEXLOWER.encode(&crate::world::random_bytes::<8>())
}

pub(super) fn private_folder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

fn exclusive() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
}

pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Drafted, synced and put in the place of whatever tombstone lay there.
fn put_tombstone<E: From<Fault>>(
    home: &Path,
    write: &mut impl FnMut(&mut dyn io::Write) -> Result<(), E>,
) -> Result<(), E> {
    let failed = |error: io::Error| Fault::at(home, "不能写入封存记录", &error);
    let draft = home.join(format!("{TOMBSTONE}.{}", unique()));
    let drafted = write_draft(&draft, &failed, write);
    let done = drafted.and_then(|()| Ok(fs::rename(&draft, home.join(TOMBSTONE)).map_err(failed)?));
    if done.is_err() {
        // It is tried again until it succeeds: on a full disk the drafts would take what room somebody makes.
        let _ = fs::remove_file(&draft);
    }
    done?;
    Ok(sync_folder(home).map_err(failed)?)
}

/// A new file with what `write` says, synced.
fn write_draft<E: From<Fault>>(
    draft: &Path,
    failed: &impl Fn(io::Error) -> Fault,
    write: &mut impl FnMut(&mut dyn io::Write) -> Result<(), E>,
) -> Result<(), E> {
    let mut file = exclusive().open(draft).map_err(failed)?;
    let mut buffered = io::BufWriter::new(&mut file);
    write(&mut buffered)?;
    buffered.flush().map_err(failed)?;
    drop(buffered);
    Ok(file.sync_all().map_err(failed)?)
}

fn create_key_file(vault: &Path, home: &Path, key_id: &str, key: &Key) -> io::Result<()> {
    match private_folder().create(home) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => sync_folder(vault)?,
    }
    let mut file = exclusive().open(home.join(format!("{key_id}.key")))?;
    file.write_all(&key.0)?;
    file.sync_all()?;
    sync_folder(home)
}

fn read_key(home: &Path, key_id: &str) -> io::Result<Key> {
    let mut key = Key([0; 32]);
    let mut file = File::open(home.join(format!("{key_id}.key")))?;
    file.read_exact(&mut key.0)?;
    Ok(key)
}

/// Files of the round's folder by name; none where the folder is missing.
fn names(home: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let entries = match fs::read_dir(home) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    entries.map(|entry| entry.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))).collect()
}

/// What is counted in the round's folder, how far, and the file whose name says so.
fn counts(home: &Path) -> io::Result<Vec<(String, u64, PathBuf)>> {
    let count = |(name, path): (String, PathBuf)| {
        let (what, count) = name.rsplit_once('-')?;
        Some((what.to_owned(), count.parse().ok()?, path))
    };
    Ok(names(home)?.into_iter().filter_map(count).collect())
}

/// The keys of a round in one vault folder. That there are none is said by a folder only that bears the vault's own mark
/// or has a place for the round.
fn keys(vault: &Path, place: &Place) -> io::Result<Vec<PathBuf>> {
    let home = vault.join(&place.0);
    if !home.try_exists()? && !names(vault)?.iter().any(|(name, _)| name.starts_with(OWNER)) {
        return Err(io::Error::new(io::ErrorKind::NotFound, "没有保管处的标记，磁盘可能没有挂载"));
    }
    let key = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "key");
    Ok(names(&home)?.into_iter().map(|(_, path)| path).filter(key).collect())
}

/// Several processes may raise the mark at once: each makes the name of its own count and takes away lower
/// ones only, so the highest always stays.
fn raise_mark(home: &Path, what: &str, count: u64) -> io::Result<()> {
    let known: Vec<_> = counts(home)?.into_iter().filter(|(counted, ..)| counted == what).collect();
    if known.iter().any(|(_, mark, _)| *mark >= count) {
        return Ok(());
    }
    match exclusive().open(home.join(format!("{what}-{count:020}"))) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => sync_folder(home)?,
    }
    for (.., lower) in known {
        match fs::remove_file(lower) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn destroy_keys(vault: &Path, place: &Place) -> io::Result<()> {
    for path in keys(vault, place)? {
        let mut file = match OpenOptions::new().write(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file?,
        };
        for _ in 0..2 {
            let mut noise = crate::world::random_bytes::<32>();
            file.rewind()?;
            file.write_all(&noise)?;
            file.sync_all()?;
            noise.zeroize();
        }
        file.set_len(0)?;
        file.sync_all()?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    match sync_folder(&vault.join(&place.0)) {
        // A round that was never opened, or whose place was lost with everything in it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        synced => synced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    struct Fixture {
        _kept: tempfile::TempDir,
        folders: Vec<PathBuf>,
        vault: Vault,
        place: Place,
    }

    fn fixture() -> Fixture {
        let kept = tempfile::tempdir().unwrap();
        let folders = vec![kept.path().join("a"), kept.path().join("deep/b")];
        for folder in &folders {
            fs::create_dir_all(folder).unwrap();
        }
        let vault = Vault::new(folders.clone()).unwrap();
        Fixture { _kept: kept, folders, vault, place: Place::of(PollId(7), PollTag::from_random(9)) }
    }

    fn write_tombstone(f: &Fixture, text: &[u8]) -> Result<(), Fault> {
        f.vault.write_tombstone(&f.place, |_| true, |out| out.write_all(text).map_err(|e| Fault(e.to_string())))
    }

    fn tombstones(f: &Fixture) -> Vec<String> {
        f.vault.tombstones(&f.place).into_iter().map(|file| io::read_to_string(file.unwrap()).unwrap()).collect()
    }

    #[test]
    fn a_key_is_made_once_and_lies_in_every_folder() {
        let f = fixture();
        let key = Key([8; 32]);
        f.vault.create_key(&f.place, "k1", &key).unwrap();
        assert!(f.vault.create_key(&f.place, "k1", &Key([9; 32])).is_err(), "never overwritten");
        assert_eq!(f.vault.key(&f.place, "k1", &key.digest()).unwrap().0, key.0);
        for folder in &f.folders {
            let home = folder.join(&f.place.0);
            assert_eq!(fs::metadata(&home).unwrap().permissions().mode() & 0o777, 0o700);
            assert_eq!(fs::metadata(home.join("k1.key")).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_missing_or_foreign_key_in_one_folder_is_a_fault() {
        let f = fixture();
        let key = Key([8; 32]);
        f.vault.create_key(&f.place, "k1", &key).unwrap();
        assert!(f.vault.key(&f.place, "k1", &Key([9; 32]).digest()).is_err());
        fs::remove_file(f.folders[1].join(&f.place.0).join("k1.key")).unwrap();
        assert!(f.vault.key(&f.place, "k1", &key.digest()).is_err());
    }

    #[test]
    fn a_key_is_lost_where_every_folder_says_so_alone() {
        let f = fixture();
        let key = Key([8; 32]);
        f.vault.create_key(&f.place, "k1", &key).unwrap();
        let homes: Vec<PathBuf> = f.vault.homes(&f.place).collect();
        let lost = || f.vault.has_lost(&f.place, "k1", &key.digest());
        fs::rename(&homes[0], homes[0].with_extension("away")).unwrap();
        assert!(!lost(), "the other has it");
        fs::write(homes[1].join("k1.key"), [9; 32]).unwrap();
        assert!(!lost(), "the folder that is away may have it");
        fs::rename(homes[0].with_extension("away"), &homes[0]).unwrap();
        fs::remove_file(homes[0].join("k1.key")).unwrap();
        assert!(lost(), "gone in the one, another's in the other");
        fs::write(homes[1].join("k1.key"), []).unwrap();
        assert!(lost(), "cut to nothing");
        fs::write(homes[1].join("k1.key"), key.0).unwrap();
        assert!(!lost());
    }

    #[test]
    fn marks_only_rise() {
        let f = fixture();
        assert_eq!(f.vault.mark(&f.place), Ok(0));
        assert!(f.vault.raise_mark(&f.place, 3).is_err(), "the round has no folder here");
        f.vault.create_key(&f.place, "k1", &Key([8; 32])).unwrap();
        for count in [3, 120, 7] {
            f.vault.raise_mark(&f.place, count).unwrap();
        }
        assert_eq!(f.vault.mark(&f.place), Ok(120));
        assert_eq!(f.vault.shown(&f.place), Ok(0), "another kind");
        f.vault.raise_shown(&f.place, 40).unwrap();
        assert_eq!((f.vault.shown(&f.place), f.vault.mark(&f.place)), (Ok(40), Ok(120)));
        fs::remove_dir_all(f.folders[0].join(&f.place.0)).unwrap();
        assert_eq!(f.vault.mark(&f.place), Ok(120), "the mirror knows");
    }

    #[test]
    fn what_several_processes_cast_adds_up() {
        let f = fixture();
        f.vault.create_key(&f.place, "k1", &Key([8; 32])).unwrap();
        f.vault.raise_mark(&f.place, 120).unwrap();
        for (process, count) in [("a", 70), ("b", 40), ("a", 60)] {
            f.vault.raise_cast(&f.place, process, count).unwrap();
        }
        assert_eq!(f.vault.mark(&f.place), Ok(120), "70 and 40 are fewer than somebody saw");
        f.vault.raise_cast(&f.place, "b", 55).unwrap();
        assert_eq!(f.vault.mark(&f.place), Ok(125));
        fs::remove_dir_all(f.folders[0].join(&f.place.0)).unwrap();
        assert_eq!(f.vault.mark(&f.place), Ok(125), "the mirror knows");
    }

    #[test]
    fn a_tombstone_that_cannot_be_written_leaves_no_draft() {
        let f = fixture();
        f.vault.create_key(&f.place, "k1", &Key([8; 32])).unwrap();
        let full = f.vault.write_tombstone(
            &f.place,
            |_| true,
            |out| {
                out.write_all(&[7; 10_000]).map_err(|error| Fault(error.to_string()))?;
                Err(Fault("no space left".to_owned()))
            },
        );
        assert_eq!(full, Err(Fault("no space left".to_owned())));
        for folder in &f.folders {
            let left: Vec<String> =
                names(&folder.join(&f.place.0)).unwrap().into_iter().map(|(name, _)| name).collect();
            assert_eq!(left, ["k1.key"], "a draft for each attempt would fill the disk");
        }
    }

    #[test]
    fn one_folder_that_fails_keeps_no_tombstone_from_the_others() {
        let f = fixture();
        f.vault.create_key(&f.place, "k1", &Key([8; 32])).unwrap();
        write_tombstone(&f, b"counted").unwrap();
        fs::remove_dir_all(f.folders[0].join(&f.place.0)).unwrap();
        assert!(write_tombstone(&f, b"void").is_err());
        assert_eq!(tombstones(&f), ["void"], "over the one that lay there");
        let none = f.vault.write_tombstone(&f.place, |_| false, |_| Err(Fault("nobody wants it".to_owned())));
        assert_eq!(none, Ok(()));
    }

    #[test]
    fn destruction_leaves_no_key_and_spares_the_tombstone() {
        let f = fixture();
        for key in ["k1", "k2"] {
            f.vault.create_key(&f.place, key, &Key([8; 32])).unwrap();
        }
        let witness = File::open(f.folders[0].join(&f.place.0).join("k1.key")).unwrap();
        write_tombstone(&f, b"rest").unwrap();
        f.vault.destroy_keys(&f.place).unwrap();
        assert!(!f.vault.holds_key(&f.place));
        assert_eq!(witness.metadata().unwrap().len(), 0, "a file held open shows nothing of the key");
        assert_eq!(tombstones(&f), ["rest"; 2]);
        f.vault.destroy_keys(&f.place).unwrap();
        fs::remove_dir_all(f.folders[1].join(&f.place.0)).unwrap();
        assert!(f.vault.destroy_keys(&f.place).is_err(), "nor does an empty mount point");
        assert!(f.vault.holds_key(&f.place));
        assert_eq!(f.vault.key_states(&f.place), [KeyState::Destroyed, KeyState::Unreachable]);
        fs::create_dir(f.folders[1].join("vault-00")).unwrap();
        f.vault.destroy_keys(&f.place).unwrap();
        assert!(!f.vault.holds_key(&f.place), "a vault that has lost the round's place");
        fs::remove_dir_all(&f.folders[1]).unwrap();
        assert!(f.vault.destroy_keys(&f.place).is_err(), "an unreachable folder never confirms");
    }
}
