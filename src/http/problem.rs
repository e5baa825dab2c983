//! Refusals and faults as people and programs see them: a stable code, a sentence, a way forward.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use askama::Template;

use super::page::Frame;
use super::reply::Reply;
use crate::ballot_box::{BoxError, CastRefusal};
use crate::database::DatabaseError;
use crate::domain::poll::Refusal;
use crate::domain::{rectification, title};
use crate::office::OfficeError;
use crate::render::RenderError;
use crate::store::StoreError;

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub status: StatusCode,
    /// Stable code for programs.
    pub code: &'static str,
    /// What happened.
    pub sentence: Cow<'static, str>,
    /// What to do now.
    pub way: Cow<'static, str>,
    /// Where the button on the page leads, and its words.
    pub back: (Cow<'static, str>, &'static str),
}

const HOME: (Cow<'static, str>, &str) = (Cow::Borrowed("/"), "回到首页");
const DESK: (Cow<'static, str>, &str) = (Cow::Borrowed("/desk"), "回到工作台");

impl Problem {
    /// Nothing is there.
    pub const NOT_FOUND: Problem = Problem::fixed(
        StatusCode::NOT_FOUND,
        "not_found",
        "没有找到这个页面",
        "网址可能输错了，或者页面已经移走。请从首页重新进入。",
        HOME,
    );
    /// Not there, or not within one's own unions: which of the two is nobody's business.
    pub const NOT_YOURS: Problem = Problem::fixed(
        StatusCode::NOT_FOUND,
        "not_yours",
        "没有找到，或者它不在您的工会范围内",
        "您只能查看和办理本工会（及下级工会）的事项。请从工作台重新进入。",
        DESK,
    );
    /// The address exists, for another method.
    pub const METHOD_NOT_ALLOWED: Problem = Problem::fixed(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "这个网址不能这样打开",
        "请返回上一页，用页面上的按钮办理。",
        HOME,
    );
    /// Nobody is signed in.
    pub const SIGN_IN: Problem = Problem::fixed(
        StatusCode::UNAUTHORIZED,
        "sign_in",
        "您还没有登录，或者登录已经过期",
        "请重新登录。刚才如果正在填表，填的内容没有保存，登录以后要再填一遍。",
        (Cow::Borrowed("/login"), "去登录"),
    );
    /// Signed in, but in another role.
    pub const WRONG_ROLE: Problem = Problem::fixed(
        StatusCode::FORBIDDEN,
        "wrong_role",
        "您的账号没有这项权限",
        "这一步由别的岗位办理。如需调整，请联系本工会主席或上级工会。",
        DESK,
    );
    /// Somebody else chose the password.
    pub const OWN_PASSWORD: Problem = Problem::fixed(
        StatusCode::FORBIDDEN,
        "own_password",
        "请先改成自己的密码",
        "一次性密码只能用来第一次登录。请先修改密码，再办理。",
        (Cow::Borrowed("/password"), "修改密码"),
    );
    /// The form does not come from our page.
    pub const FOREIGN_FORM: Problem = Problem::fixed(
        StatusCode::FORBIDDEN,
        "foreign_form",
        "这次提交不是从本系统的页面发出的，没有办理",
        "请回到工作台，重新打开页面后再提交。",
        DESK,
    );
    /// Our page, opened under a name that is not the public one.
    pub const OTHER_ADDRESS: Problem = Problem::fixed(
        StatusCode::MISDIRECTED_REQUEST,
        "other_address",
        "您打开的不是本系统的正式网址，这一步没有办理",
        "请从正式网址重新打开页面，再办理一次。",
        HOME,
    );
    /// A form that came without encryption to an installation that has it.
    pub const NOT_ENCRYPTED: Problem = Problem::fixed(
        StatusCode::FORBIDDEN,
        "not_encrypted",
        "这次提交没有加密，没有办理",
        "请打开以 https 开头的网址，重新填写提交。选票没有被用掉。",
        HOME,
    );
    /// Escapes or characters that no browser sends.
    pub const MALFORMED_FORM: Problem = Problem::fixed(
        StatusCode::BAD_REQUEST,
        "malformed_form",
        "提交的内容无法读取",
        "请返回上一页，刷新后重新填写提交。",
        HOME,
    );
    /// A body of another kind.
    pub const NOT_A_FORM: Problem = Problem::fixed(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "not_a_form",
        "提交的内容不是表单",
        "请用页面上的表单提交。",
        HOME,
    );
    /// More than any form of ours.
    pub const BODY_TOO_LARGE: Problem = Problem::fixed(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        "提交的内容太大",
        "请缩短填写的内容，或分几次提交。",
        HOME,
    );
    /// The body did not arrive in time.
    pub const BODY_TOO_SLOW: Problem = Problem::fixed(
        StatusCode::REQUEST_TIMEOUT,
        "body_too_slow",
        "网络太慢，提交的内容没有收全",
        "请检查网络后再提交一次。",
        HOME,
    );
    /// Too many attempts at signing in.
    pub const TOO_MANY_ATTEMPTS: Problem = Problem::fixed(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_attempts",
        "尝试次数太多，请稍后再试",
        "请等一分钟再登录。忘记密码请联系本工会主席或上级工会重设。",
        (Cow::Borrowed("/login"), "回到登录页"),
    );
    /// Our fault.
    pub const INTERNAL: Problem = Problem::fixed(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "系统出了点问题，这一步没有完成",
        "请稍后再试一次；如果仍然不行，请联系系统管理员。",
        HOME,
    );
    /// The database does not answer.
    pub const UNAVAILABLE: Problem = Problem::fixed(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "系统暂时繁忙，这一步没有完成",
        "请过一会儿再试一次；如果仍然不行，请联系系统管理员。",
        HOME,
    );

    /// As many people wait to sign in as may.
    pub const SIGN_IN_BUSY: Problem = Problem::fixed(
        StatusCode::SERVICE_UNAVAILABLE,
        "sign_in_busy",
        "现在登录的人太多，这次还没有登录",
        "请等几秒钟再试一次；如果仍然不行，请联系系统管理员。",
        (Cow::Borrowed("/login"), "回到登录页"),
    );

    /// As many files are being sent as may be at a time.
    pub const DOWNLOADS_BUSY: Problem = Problem::fixed(
        StatusCode::SERVICE_UNAVAILABLE,
        "downloads_busy",
        "现在下载文件的人比较多，这个文件还没有开始下载",
        "请等几秒钟再试一次；如果仍然不行，请联系系统管理员。",
        HOME,
    );

    const fn fixed(
        status: StatusCode,
        code: &'static str,
        sentence: &'static str,
        way: &'static str,
        back: (Cow<'static, str>, &'static str),
    ) -> Self {
        Problem { status, code, sentence: Cow::Borrowed(sentence), way: Cow::Borrowed(way), back }
    }

    /// A refusal by the rules of the house: 409.
    #[must_use]
    pub fn conflict(code: &'static str, sentence: impl Into<Cow<'static, str>>, way: &'static str) -> Self {
        Problem { status: StatusCode::CONFLICT, code, sentence: sentence.into(), way: Cow::Borrowed(way), back: DESK }
    }

    /// Something that was filled in is wrong: 422.
    #[must_use]
    pub fn invalid(code: &'static str, sentence: impl Into<Cow<'static, str>>, way: &'static str) -> Self {
        Problem { status: StatusCode::UNPROCESSABLE_ENTITY, ..Problem::conflict(code, sentence, way) }
    }

    /// The same, with another way back.
    #[must_use]
    pub fn back_to(mut self, place: impl Into<Cow<'static, str>>, words: &'static str) -> Self {
        self.back = (place.into(), words);
        self
    }

    /// The same, leading to this address of the service.
    #[must_use]
    pub(super) fn at(self, url: &str) -> Self {
        let way = format!("请打开正式网址 {url} ，再办理一次。");
        Problem { way: way.into(), ..self }.back_to(url.to_owned(), "打开正式网址")
    }

    /// A fault of ours: logged with its cause, shown without.
    #[must_use]
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "internal fault");
        Problem::INTERNAL
    }

    /// The page in its frame; its title is the problem's.
    #[must_use]
    pub fn reply(&self, frame: Frame) -> Reply {
        let frame = Frame { title: self.sentence.to_string(), ..frame };
        let back = if self.back.0 == "/" && frame.who.is_some() { DESK } else { self.back.clone() };
        let page = Reply::page(&ProblemPage { frame, problem: self, back });
        let reply = page.unwrap_or_else(|_| Reply::bytes("text/plain; charset=utf-8", self.sentence.to_string()));
        let reply = reply.with_status(self.status).refusing(self.code, &self.sentence, &self.way);
        match self.status {
            StatusCode::TOO_MANY_REQUESTS => reply.header(actix_web::http::header::RETRY_AFTER, "60".to_owned()),
            StatusCode::SERVICE_UNAVAILABLE => reply.header(actix_web::http::header::RETRY_AFTER, "5".to_owned()),
            _ => reply,
        }
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    frame: Frame,
    problem: &'a Problem,
    back: (Cow<'static, str>, &'static str),
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        tracing::error!(%error, "database fault");
        match error {
            DatabaseError::Row(_) => Problem::INTERNAL,
            _ => Problem::UNAVAILABLE,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let way = match refusal {
            Refusal::WrongPhase => "页面可能已经过时。请回到本轮评议的页面，按显示的下一步办理。",
            Refusal::NotApproved => "请先提请上级工会批准参评名册，批准后再继续。",
            Refusal::NoSlips => "请先制作并打印选票，再开始投票。",
            Refusal::CustodyNotConfirmed => "请先登记选票去向，并由监票人用自己的账号确认。",
            Refusal::ResultNotConfirmed => "请监票人登录自己的账号，核对并确认结果。",
            Refusal::KeyNotDestroyed => "系统正在各保管处销毁密钥，请稍后再试；久未完成请联系系统管理员。",
        };
        Problem::conflict(refusal.code(), refusal.to_string(), way)
    }
}

impl From<rectification::Refusal> for Problem {
    fn from(refusal: rectification::Refusal) -> Self {
        use rectification::Refusal;
        let way = match refusal {
            Refusal::SheetReturned => "请工会主席先按意见更正结果报告单，再报告整改情况。",
            Refusal::SheetNotAccepted => "请先对结果报告单提出意见，同意以后再复查整改。",
            Refusal::NotReported => "请等工会主席报告整改情况，再复查。",
            Refusal::AlreadyChecked => "请刷新页面，看上级工会复查的意见。",
        };
        Problem::conflict(refusal.code(), refusal.to_string(), way)
    }
}

impl From<title::Refusal> for Problem {
    fn from(refusal: title::Refusal) -> Self {
        use title::Refusal;
        let way = match refusal {
            Refusal::AlreadyEnded => "请刷新页面，看这项称号的记录。再次命名的，请另外登记。",
            Refusal::NoReview => "只能登记撤销、改授，或者登记有误。",
            Refusal::AlreadyCorrecting => "整改好了的，请登记复核合格；逾期没有改好的，由命名单位撤销。",
            Refusal::TooEarly | Refusal::TermTooEarly => "请核对日期后再登记。",
        };
        Problem::conflict(refusal.code(), refusal.to_string(), way)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let sentence = error.to_string();
        match error {
            StoreError::UsernameTaken => Problem::invalid("username_taken", sentence, "请换一个用户名。"),
            StoreError::SameTitle => {
                Problem::invalid("same_title", sentence, "请核对；复核和撤销在那一项称号的页面上登记。")
            }
            StoreError::NoSuchUnion | StoreError::NoSuchPoll | StoreError::NoSuchTitle => Problem::NOT_YOURS,
            StoreError::Stale => Problem::conflict("stale", sentence, "请刷新页面，看清现在的情况后再办理。"),
            StoreError::Refused(refusal) => refusal.into(),
            StoreError::Rectification(refusal) => refusal.into(),
            StoreError::Title(refusal) => refusal.into(),
            StoreError::Database(error) => error.into(),
        }
    }
}

impl From<RenderError> for Problem {
    fn from(error: RenderError) -> Self {
        match error {
            RenderError::NoRoom => {
                Problem::conflict("no_room", error.to_string(), "请减少承诺事项或不加分项评价，再制作。")
            }
            _ => Problem::internal(&error),
        }
    }
}

/// The status of a refusal of the ballot box, on whichever page.
pub(super) fn status_of(refusal: CastRefusal) -> StatusCode {
    match refusal {
        CastRefusal::UnknownSlip => StatusCode::NOT_FOUND,
        CastRefusal::SlipSpent | CastRefusal::NotOpen => StatusCode::CONFLICT,
        CastRefusal::SlipVoid | CastRefusal::Closed | CastRefusal::Void => StatusCode::GONE,
        CastRefusal::Closing | CastRefusal::Busy | CastRefusal::Stopped | CastRefusal::Unavailable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

impl From<CastRefusal> for Problem {
    fn from(refusal: CastRefusal) -> Self {
        let way = match refusal {
            CastRefusal::UnknownSlip => "请核对选票上的二维码或选票码；仍然不行请找监票人。",
            CastRefusal::SlipSpent => "一张选票只能投一次，先提交的有效。有疑问请找监票人。",
            CastRefusal::SlipVoid => "请找监票人换一张选票。",
            CastRefusal::NotOpen => "请等工会宣布开始后再试，这张选票仍然有效。",
            CastRefusal::Closing => "请过一会儿再试一次。",
            CastRefusal::Closed => "有疑问请找监票人或工会主席。",
            CastRefusal::Void => "请等待工会通知重新评议。",
            CastRefusal::Busy => "您填写的内容没有丢失，请过几秒再提交一次。",
            CastRefusal::Stopped => "请联系工会主席，由系统管理员处理后再投。",
            CastRefusal::Unavailable => "请再提交一次，同一张选票不会重复计票。",
        };
        let problem = Problem::conflict(refusal.code(), refusal.to_string(), way);
        Problem { status: status_of(refusal), ..problem }.back_to("/", "回到首页")
    }
}

impl From<BoxError> for Problem {
    fn from(error: BoxError) -> Self {
        let sentence = error.to_string();
        match error {
            BoxError::Refused(refusal) => refusal.into(),
            BoxError::NoSuchPoll => Problem::NOT_YOURS,
            BoxError::Stale => Problem::conflict("stale", sentence, "请刷新页面，看清现在的情况后再办理。"),
            BoxError::SlipCount => Problem::invalid("slip_count", sentence, "请核对应到人数和备用票数。"),
            BoxError::Cast(refusal) => refusal.into(),
            BoxError::Vault(cause) => {
                tracing::error!(%cause, "vault fault");
                Problem {
                    status: StatusCode::SERVICE_UNAVAILABLE,
                    ..Problem::conflict(
                        "vault",
                        "密钥保管处现在不能使用，这一步没有完成",
                        "请联系系统管理员检查密钥保管处，处理后再试。",
                    )
                }
            }
            BoxError::PaperWaiting(_) => Problem::conflict(
                "paper_waiting",
                sentence,
                "请另一名计票人录入同样的纸质选票，再开票。找不到那张选票的，请监票人取消只有一人录入的。",
            ),
            BoxError::MoreVoidThanCounted { .. } => {
                Problem::conflict("more_void_than_counted", sentence, "请工会主席改正选票去向，再请监票人确认。")
            }
            BoxError::DoesNotOpen(_) | BoxError::DoesNotReconcile { .. } | BoxError::NotSigned(_) => {
                tracing::error!(%error, "the ballot box refuses");
                Problem::conflict(error.code(), sentence, "没有计票。请联系系统管理员核对数据库和密钥保管处。")
            }
            BoxError::Database(error) => error.into(),
        }
    }
}

impl From<OfficeError> for Problem {
    fn from(error: OfficeError) -> Self {
        let sentence = error.to_string();
        match error {
            OfficeError::Refused(refusal) => refusal.into(),
            OfficeError::Box(error) => error.into(),
            OfficeError::Store(error) => error.into(),
            OfficeError::Database(error) => error.into(),
            OfficeError::RuleSetMissing { .. } => {
                Problem::conflict("rule_set_missing", sentence, "票数没有丢失。装回这一版规则集后再办理。")
            }
            OfficeError::Count(_) => {
                Problem::conflict("cannot_assess", sentence, "票数没有丢失。请把这句话告诉系统管理员。")
            }
            OfficeError::NotJudgeable(cause) => {
                tracing::error!(%cause, "a round that cannot be assessed is not opened");
                Problem::conflict("not_judgeable", sentence, "请作废本轮评议，另建一轮，重新报批、印发选票。")
            }
            OfficeError::Build(_) => Problem::conflict(
                "cannot_certify",
                sentence,
                "没有签发，票数没有丢失。请把这句话告诉上级工会和系统管理员。",
            ),
            OfficeError::OtherAddress { opened, .. } => Problem {
                way: format!("没有签发，票数没有丢失。请系统管理员用 --public-url {opened} 启动服务，再签发。").into(),
                ..Problem::conflict("other_public_url", sentence, "")
            },
            OfficeError::BeforeOpening | OfficeError::WouldNotVerify(_) => {
                Problem::conflict("would_not_verify", sentence, "没有签发，票数没有丢失。请把这句话告诉系统管理员。")
            }
            OfficeError::NotReturned => {
                Problem::conflict("not_returned", sentence, "请回到本轮评议的页面，看现在该办哪一步。")
            }
            OfficeError::OpeningStatementMissing => {
                Problem::conflict("opening_statement_missing", sentence, "请联系系统管理员核对数据库备份。")
            }
            OfficeError::Sign(_) | OfficeError::Canonical(_) => Problem::internal(&sentence),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_show_no_detail() {
        let problem = Problem::from(DatabaseError::Connect("postgres://user:secret@host".to_owned()));
        assert_eq!(problem, Problem::UNAVAILABLE);
        assert!(!format!("{problem:?}").contains("secret"));
    }

    #[test]
    fn refusals_keep_their_codes() {
        assert_eq!(Problem::from(Refusal::NotApproved).code, "not_approved");
        assert_eq!(Problem::from(CastRefusal::SlipSpent).status, StatusCode::CONFLICT);
    }
}
