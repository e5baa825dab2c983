//! Settings: where they come from, in which order, and that no password is shown.

use std::fs;

use super::place::{House, ended, pingjia, run};
use super::support::service::{Service, get};

#[test]
fn a_file_in_the_working_directory_is_enough_to_serve() {
    let house = House::empty();
    let folder = tempfile::tempdir().unwrap();
    let settings = format!(
        "listen = \"127.0.0.1:0\"\ndata = \"{0}\"\nvault = [\"{0}/a\", \"{0}/b\"]\npublic-url = \"https://pj.example.cn\"\n",
        house.data()
    );
    fs::write(folder.path().join("pingjia.toml"), settings).unwrap();
    let mut command = pingjia(&["serve"]);
    command.current_dir(folder.path());
    let service = Service::start(command).unwrap();
    let answer = get(service.address, "/login").unwrap();
    assert!(answer.head.to_ascii_lowercase().contains("strict-transport-security"), "{}", answer.head);
    assert!(house.sqlite_file().exists() && fs::exists(format!("{}/b", house.data())).unwrap());
}

#[test]
fn the_environment_goes_before_the_file_and_the_command_line_before_both() {
    let house = House::empty();
    let file = format!("{}/elsewhere.toml", house.data());
    fs::write(&file, "data = \"/nonexistent/file\"\nlisten = \"127.0.0.1:0\"\n").unwrap();
    let password = |arguments: &[&str], environment: Option<&str>| {
        let mut command = pingjia(&[&["password", "--config", &file], arguments, &["nobody"]].concat());
        if let Some(data) = environment {
            command.env("PINGJIA_DATA", data);
        }
        ended(&command.output().unwrap()).err
    };
    assert!(password(&[], None).contains("/nonexistent/file"));
    assert!(password(&[], Some("/nonexistent/environment")).contains("/nonexistent/environment"));
    let said = password(&["--data", "/nonexistent/line"], Some("/nonexistent/environment"));
    assert!(said.contains("/nonexistent/line"), "{said}");
    let mut named = pingjia(&["password", "nobody"]);
    assert!(ended(&named.env("PINGJIA_CONFIG", &file).output().unwrap()).err.contains("/nonexistent/file"));
    let missing = run(&["serve", "--config", "/nonexistent/pingjia.toml"]);
    assert!(missing.code == Some(2) && missing.err.contains("读不到配置文件"), "{}", missing.err);
}

#[test]
fn no_password_is_shown() {
    let house = House::empty();
    let file = format!("{}/settings.toml", house.data());
    let unreachable = "postgres://pj:s3cret@127.0.0.1:1/pingjia";
    for settings in [
        format!("database-url = \"{unreachable}\""),
        "database-url = \"postgres://pj:s3/cret@127.0.0.1:1/pingjia\"".to_owned(),
        "databse-url = \"s3cret\"".to_owned(),
        "database-url = \"s3cret".to_owned(),
    ] {
        fs::write(&file, &settings).unwrap();
        let mut command = pingjia(&["serve", "--data", house.data(), "--config", &file]);
        let said = ended(&command.env("PINGJIA_LOG", "debug").output().unwrap());
        assert_eq!(said.code, Some(2), "{settings}: {}", said.err);
        assert!(!said.err.contains("s3") && !said.out.contains("s3"), "{}", said.err);
    }
    for arguments in [
        vec!["serve", "--data", house.data(), "--database-url", unreachable],
        vec!["password", "--database-url", unreachable, "nobody"],
        vec!["move", "--from", house.data(), "--to", unreachable],
        vec!["move", "--from", unreachable, "--to", house.data()],
        vec!["move", "--from", "postgres://pj:s3/cret@db/x", "--to", house.data()],
        vec!["move", "--from", "mysql://pj:s3cret@db/x", "--to", house.data()],
        vec!["move", "--reopen", unreachable],
        // The scheme or the name of the option forgotten.
        vec!["move", "--from", "postgres:/pj:s3cret@h/db", "--to", house.data()],
        vec!["move", "--from", house.data(), "--to", "pj:s3cret@h/db"],
        vec!["move", "--from", "host=h password=s3cret", "--to", house.data()],
        vec!["move", unreachable, house.data()],
        vec!["serve", unreachable],
        vec!["serve", "host=h password=s3cret"],
    ] {
        let said = run(&arguments);
        assert_eq!(said.code, Some(2), "{arguments:?}: {}", said.err);
        assert!(
            !said.err.is_empty() && !said.err.contains("s3") && !said.out.contains("s3"),
            "{arguments:?}: {}",
            said.err
        );
    }
    let mut help = pingjia(&["serve", "--help"]);
    assert!(!ended(&help.env("PINGJIA_DATABASE_URL", unreachable).output().unwrap()).out.contains("s3cret"));
}
