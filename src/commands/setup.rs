//! `pingjia setup`: the first union of a new installation and the first person who may sign in; or a union above one that
//! nobody is above yet.

use anyhow::{Context, Result, bail};
use clap::Args;

use super::installation::Place;
use super::note;
use super::rules::{Folder, registry};
use crate::database::Database;
use crate::domain::account::Role;
use crate::domain::import::{check_name, check_username};
use crate::domain::union::{Category, Union};
use crate::render::font;
use crate::store::accounts::{self, NewAccount, PasswordDigest};
use crate::store::unions::{self, NewUnion};
use crate::store::{By, StoreError};
use crate::world;

/// 新装系统的第一步：登记最上一级工会和它的第一个账号；或者用 --above 给没有上级的工会补登记上级工会
#[derive(Args, Debug)]
pub(super) struct Setup {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    folder: Folder,
    /// 要登记的工会的名称
    #[arg(long, value_name = "NAME")]
    union: String,
    /// 类别代码，见 pingjia rules show
    #[arg(long, default_value = "general_union", value_name = "CATEGORY")]
    category: String,
    /// 适用的规则集，见 pingjia rules list；给了 --above 可以不填，和下面的工会一样
    #[arg(long, value_name = "ID", required_unless_present = "above")]
    rule_set: Option<String>,
    /// 已经登记、没有上级的工会的名称：新登记的工会是它的上级工会
    #[arg(long, value_name = "NAME")]
    above: Option<String>,
    /// 用户名
    #[arg(long, default_value = "admin", value_name = "USERNAME")]
    username: String,
    /// 使用人姓名
    #[arg(long, value_name = "NAME")]
    name: String,
}

/// 给忘记密码的人换一个新密码
#[derive(Args, Debug)]
pub(super) struct Password {
    #[command(flatten)]
    place: Place,
    /// 用户名
    username: String,
}

/// Creates a root union and its superior account; prints the password once.
pub(super) fn setup(options: &Setup) -> Result<()> {
    let Some(category) = Category::from_code(&options.category) else {
        bail!("没有类别 {}", options.category);
    };
    if let Some(id) = &options.rule_set
        && registry(options.folder.rules.as_deref())?.get(id).is_none()
    {
        bail!("没有规则集 {id}；可用的见 pingjia rules list");
    }
    for (what, name) in [("工会名称", &options.union), ("姓名", &options.name)] {
        if let Err(words) = check_name(name) {
            bail!("{what}{words}");
        }
    }
    if let Err(words) = check_username(&options.username) {
        bail!("{words}");
    }
    let missing: String = font::missing(&format!("{}{}", options.union, options.name)).into_iter().collect();
    if !missing.is_empty() {
        bail!("这些字符印不出来，请改用别的写法：{missing}");
    }
    let (database, below) = match &options.above {
        None => (options.place.database()?, None),
        Some(name) => {
            let database = options.place.existing_database()?;
            let below = root(&database, name)?;
            (database, Some(below))
        }
    };
    let inherited = below.as_ref().map(|below| below.rule_set.clone());
    let union = NewUnion {
        superior: None,
        name: options.union.clone(),
        credit_code: None,
        category,
        rule_set: options.rule_set.clone().or(inherited).unwrap_or_default(),
    };
    let password = create(&database, &union, below.as_ref(), options)?;
    match &below {
        None => println!("已登记 {}。", union.name),
        Some(below) => println!("已登记 {}，是 {} 的上级工会。", union.name, below.name),
    }
    print_password(&options.username, &password);
    if category.needs_rules() {
        note(&dead_end(&union.name, category));
    }
    Ok(())
}

/// What somebody should know who puts a union on top that holds rounds itself.
fn dead_end(name: &str, category: Category) -> String {
    format!(
        "提醒：{}自己要开展评议，参评名册由上级工会批准，现在 {name} 还没有上级工会。请接着登记它的上级工会：\n  \
         pingjia setup --above {name} --union 上级工会名称 --username 用户名 --name 使用人姓名",
        category.label()
    )
}

/// The one union of this name that nobody is above.
fn root(database: &Database, name: &str) -> Result<Union> {
    let roots = database.read(unions::roots)?;
    let mut named: Vec<&Union> = roots.iter().filter(|root| root.name == name).collect();
    match (named.pop(), named.len()) {
        (Some(root), 0) => Ok(root.clone()),
        (Some(_), _) => bail!("没有上级的工会里有几个都叫 {name}：请先在“工会与账号”里改名"),
        (None, _) if roots.is_empty() => bail!("还没有登记过工会：请先不用 --above 登记第一个"),
        (None, _) => {
            let known: Vec<&str> = roots.iter().map(|root| root.name.as_str()).collect();
            bail!("没有上级的工会里没有叫 {name} 的；现在有：{}", known.join("、"))
        }
    }
}

fn create(database: &Database, union: &NewUnion, below: Option<&Union>, options: &Setup) -> Result<String> {
    let by = By { account: None, at: world::now() };
    let password = new_password();
    let digest = PasswordDigest::of(&password, &world::random_bytes())?;
    let created = database.write(|connection| -> Result<(), StoreError> {
        let union = match below {
            None => unions::create(connection, union, by)?,
            Some(below) => unions::create_above(connection, below, union, by)?,
        };
        let account = NewAccount {
            username: options.username.clone(),
            role: Role::Superior,
            union: union.id,
            name: options.name.clone(),
        };
        accounts::create(connection, &account, &digest, by).map(drop)
    });
    match created {
        Err(taken @ StoreError::UsernameTaken) => bail!("{taken}：{}，请用 --username 另起一个", options.username),
        other => other.context("没有登记成功")?,
    }
    Ok(password)
}

/// Sets a new password for an account and prints it once.
pub(super) fn password(options: &Password) -> Result<()> {
    let database = options.place.existing_database()?;
    let (account, _) = database
        .read(|connection| accounts::by_username(connection, &options.username))?
        .with_context(|| format!("没有用户 {}", options.username))?;
    let password = new_password();
    let digest = PasswordDigest::of(&password, &world::random_bytes())?;
    let by = By { account: None, at: world::now() };
    database.write(|connection| accounts::set_password(connection, &account, &digest, by))?;
    print_password(&options.username, &password);
    Ok(())
}

/// Eighty random bits in lower-case base32.
fn new_password() -> String {
    data_encoding::BASE32_NOPAD.encode(&world::random_bytes::<10>()).to_ascii_lowercase()
}

fn print_password(username: &str, password: &str) {
    println!("用户名：{username}");
    println!("密码：  {password}");
    println!("密码只显示这一次，登录后请点右上角自己的姓名，在“修改密码”页面改掉。");
}
