//! `pingjia verify`: checks a sheet line by line.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::rules::{Folder, registry};
use crate::domain::jwk::KeySet;
use crate::domain::slip::Receipt;
use crate::domain::text::seen;
use crate::verify::{Conclusion, Line, OpeningsFile, Report, Request, verify};

/// Most bytes that are read of a sheet, a set of keys or an opinion: far more than any of ours has.
const LIMIT: u64 = 64 << 20;

/// 退出码：0 全部相符；1 有不符之处；2 文件无法读取；3 全部相符，但没有提供受信任的公钥
#[derive(Args)]
pub struct Arguments {
    /// 结果报告单（.json 或 .pdf；“-”是标准输入）
    sheet: PathBuf,
    /// 受信任的公钥（JWK 集，来自签发单位公布的 /.well-known/jwks.json）
    #[arg(long, value_name = "JWKS")]
    key: Option<PathBuf>,
    /// 公开票据文件（/sheets/<编号>/openings.json），用来重新计票
    #[arg(long, value_name = "FILE")]
    openings: Option<PathBuf>,
    /// 会员的回执，核对是否计入（需要 --openings）
    #[arg(long, value_name = "CODE")]
    receipt: Option<String>,
    /// 开箱声明（上级工会在开始投票时收下的 opening.json），核对报告单附的是同一份
    #[arg(long, value_name = "FILE")]
    opening: Option<PathBuf>,
    /// 上级工会意见（/sheets/<编号>/opinion.json）；PDF 里附有的不用另给
    #[arg(long, value_name = "FILE")]
    opinion: Option<PathBuf>,
    #[command(flatten)]
    folder: Folder,
    /// 被本报告单更正的报告单（.json）
    #[arg(long, value_name = "SHEET")]
    replaced: Option<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> ExitCode {
    match report(arguments) {
        Ok(report) => {
            for line in &report.lines {
                match line {
                    Line::Finding(finding) => {
                        println!("{} {}", if finding.holds { '✓' } else { '✗' }, plain(&finding.text));
                    }
                    Line::Note(text) => println!("  {}", plain(text)),
                }
            }
            match report.conclusion {
                Conclusion::Holds => ExitCode::SUCCESS,
                Conclusion::Fails => ExitCode::from(1),
                Conclusion::Untrusted => ExitCode::from(3),
            }
        }
        Err(why) => {
            eprintln!("无法核验：{}", plain(&why));
            ExitCode::from(2)
        }
    }
}

/// One line that a terminal shows as it is: a file may have been made to draw check marks of its own, or to hide ours.
fn plain(text: &str) -> String {
    seen(&text.replace('\n', " "))
}

fn report(arguments: &Arguments) -> Result<Report, String> {
    let document = read(&arguments.sheet)?;
    let keys = arguments
        .key
        .as_deref()
        .map(|path| KeySet::parse(&read(path)?).map_err(|error| format!("{}：{error}", path.display())));
    let keys = keys.transpose()?;
    let mut openings = arguments.openings.as_deref().map(|path| open(path).map(BufReader::new)).transpose()?;
    let receipt = arguments.receipt.as_deref().map(|code| Receipt::parse(code).ok_or("回执应为24位字母和数字"));
    let opening = arguments.opening.as_deref().map(read).transpose()?;
    let replaced = arguments.replaced.as_deref().map(read).transpose()?;
    let opinion = arguments.opinion.as_deref().map(read).transpose()?;
    let registry = registry(arguments.folder.rules.as_deref()).map_err(|error| format!("{error:#}"))?;
    let request = Request {
        document: &document,
        keys: keys.as_ref(),
        openings: openings.as_mut().map(|file| file as &mut dyn OpeningsFile),
        receipt: receipt.transpose()?,
        opening: opening.as_deref(),
        replaced: replaced.as_deref(),
        opinion: opinion.as_deref(),
        registry: &registry,
    };
    verify(request).map_err(|error| error.to_string())
}

fn open(path: &Path) -> Result<File, String> {
    File::open(path).map_err(|error| format!("{}：{error}", path.display()))
}

/// The whole file, or standard input for `-`; not more than [`LIMIT`].
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut within = |file: &mut dyn Read| file.take(LIMIT + 1).read_to_end(&mut bytes);
    let read = if path == Path::new("-") { within(&mut io::stdin().lock()) } else { within(&mut open(path)?) };
    let length = read.map_err(|error| format!("{}：{error}", path.display()))?;
    match u64::try_from(length) {
        Ok(0) => Err(format!("{}：文件是空的", path.display())),
        Ok(length) if length <= LIMIT => Ok(bytes),
        _ => Err(format!("{}：文件太大，不会是要核验的文件", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_file_draws_nothing_on_the_terminal() {
        assert_eq!(plain("甲工会\n✓ 签名有效\u{1b}[8m\r乙"), "甲工会 ✓ 签名有效[8m乙");
    }
}
