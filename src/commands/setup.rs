//! `pingjia setup`: the first union of a new installation and the first person who may sign in.

use anyhow::{Context, Result, bail};
use clap::Args;

use super::installation::Place;
use super::rules::{Folder, registry};
use crate::database::Database;
use crate::domain::account::Role;
use crate::domain::import::{check_name, check_username};
use crate::domain::union::Category;
use crate::render::font;
use crate::store::accounts::{self, NewAccount, PasswordDigest};
use crate::store::unions::{self, NewUnion};
use crate::store::{By, StoreError};
use crate::world;

/// 新装系统的第一步：登记最上一级工会和它的第一个账号
#[derive(Args, Debug)]
pub(super) struct Setup {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    folder: Folder,
    /// 最上一级工会的名称
    #[arg(long, value_name = "NAME")]
    union: String,
    /// 类别代码，见 pingjia rules show
    #[arg(long, default_value = "general_union", value_name = "CATEGORY")]
    category: String,
    /// 适用的规则集，见 pingjia rules list
    #[arg(long, value_name = "ID")]
    rule_set: String,
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

/// Creates the root union and its superior account; prints the password once.
pub(super) fn setup(options: &Setup) -> Result<()> {
    let Some(category) = Category::from_code(&options.category) else {
        bail!("没有类别 {}", options.category);
    };
    if registry(options.folder.rules.as_deref())?.get(&options.rule_set).is_none() {
        bail!("没有规则集 {}；可用的见 pingjia rules list", options.rule_set);
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
    let database = options.place.database()?;
    let union = NewUnion {
        superior: None,
        name: options.union.clone(),
        credit_code: None,
        category,
        rule_set: options.rule_set.clone(),
    };
    let password = create(&database, &union, &options.username, &options.name)?;
    println!("已登记 {}。", options.union);
    print_password(&options.username, &password);
    Ok(())
}

fn create(database: &Database, union: &NewUnion, username: &str, name: &str) -> Result<String> {
    let by = By { account: None, at: world::now() };
    let password = new_password();
    let digest = PasswordDigest::of(&password, &world::random_bytes())?;
    database
        .write(|connection| -> Result<(), StoreError> {
            let union = unions::create(connection, union, by)?;
            let account = NewAccount {
                username: username.to_owned(),
                role: Role::Superior,
                union: union.id,
                name: name.to_owned(),
            };
            accounts::create(connection, &account, &digest, by).map(drop)
        })
        .context("没有登记成功")?;
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
