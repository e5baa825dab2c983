//! What everyone may see: certified sheets and what it takes to check them.

mod picture;
pub(super) mod view;

use std::io::Write;

use askama::Template;

pub use self::picture::Picture;
use self::view::{Beside, SheetPage};
use super::App;
use super::ask::Ask;
use super::download;
use super::page::Frame;
use super::problem::Problem;
use super::reply::{Answer, Cache, Reply};
use crate::domain::digest::Digest;
use crate::domain::ids::SheetId;
use crate::domain::jws::Statement;
use crate::domain::openings_file;
use crate::domain::paper::Item;
use crate::domain::sheet::SheetPayload;
use crate::domain::statement::OpinionStatement;
use crate::render::attachments;
use crate::render::chart::PAGE_WIDTH;
use crate::render::sheet_document;
use crate::render::workbook;
use crate::store::sheets::StoredSheet;
use crate::store::{polls, sheets, statements};

/// How long signed documents may be kept, in seconds: they never change.
const SIGNED: u32 = 3600;
/// How long the page of a sheet may be kept, in seconds: an opinion or a correction may come.
const PAGE: u32 = 60;

#[derive(Template)]
#[template(path = "public/ask_sheet.html")]
struct AskSheetPage<'p> {
    frame: Frame,
    typed: &'p str,
    error: &'p str,
}

/// `GET /sheets`: which sheet is to be verified. With `id` in the query it leads there.
///
/// # Errors
/// `INTERNAL`.
pub fn ask_sheet(_: &App, ask: &Ask) -> Answer {
    let typed = ask.query.trimmed("id");
    let named = typed.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let error = match named.trim_end_matches(".json").trim_end_matches(".pdf").parse::<SheetId>() {
        Ok(id) => return Ok(Reply::see_other(format!("/sheets/{id}"))),
        Err(_) if typed.is_empty() => "",
        Err(_) => "这个编号不对。请对着结果报告单，一位一位再看一遍。",
    };
    Reply::page(&AskSheetPage { frame: Frame::public("核验结果报告单"), typed, error })
}

/// `GET /sheets/{id}`: the public page of a sheet.
///
/// # Errors
/// `NOT_FOUND`, `UNAVAILABLE`, `INTERNAL`.
pub fn sheet(app: &App, ask: &Ask) -> Answer {
    let stored = stored(app, ask)?;
    let successor = app.database.read(|c| sheets::successor(c, &stored.id))?;
    let (statement, payload) = read(&stored)?;
    let opinion = opinion_on(app, &stored)?.map(|(_, opinion)| opinion);
    let title = format!("{} {}年度结果报告单", payload.union.name, payload.round.year);
    let keys = app.keys.key_set();
    let beside =
        Beside { id: stored.id, successor, opinion, keys: &keys, rules: &app.rules, frame: Frame::public(&title) };
    let page = SheetPage::new(&statement, payload, beside).map_err(|error| Problem::internal(&error))?;
    Ok(Reply::page(&page)?.cached(Cache::Public(PAGE)))
}

/// `GET /sheets/{id}.json`: the signed sheet, byte for byte.
///
/// # Errors
/// `NOT_FOUND`, `UNAVAILABLE`.
pub fn sheet_json(app: &App, ask: &Ask) -> Answer {
    let stored = stored(app, ask)?;
    Ok(Reply::bytes("application/json; charset=utf-8", stored.body).cached(Cache::Public(SIGNED)))
}

/// `GET /sheets/{id}.pdf`: the sheet on paper, with the signed document attached.
///
/// # Errors
/// `NOT_FOUND`, `UNAVAILABLE`, `INTERNAL`.
pub fn sheet_pdf(app: &App, ask: &Ask) -> Answer {
    let stored = stored(app, ask)?;
    printed(app, &stored, None)
}

/// `GET /sheets/{id}/opinion.pdf`: the sheet on paper with the opinion of the union above on it, both signed
/// documents attached.
///
/// # Errors
/// `NOT_FOUND`, `UNAVAILABLE`, `INTERNAL`.
pub fn opinion_pdf(app: &App, ask: &Ask) -> Answer {
    let stored = stored(app, ask)?;
    let (signed, _) = opinion_on(app, &stored)?.ok_or(Problem::NOT_FOUND)?;
    printed(app, &stored, Some(&signed))
}

/// `GET /sheets/{id}/opinion.json`: the signed opinion of the union above, byte for byte.
///
/// # Errors
/// `NOT_FOUND`, `UNAVAILABLE`.
pub fn opinion_json(app: &App, ask: &Ask) -> Answer {
    let stored = stored(app, ask)?;
    let (signed, _) = opinion_on(app, &stored)?.ok_or(Problem::NOT_FOUND)?;
    Ok(Reply::bytes("application/json; charset=utf-8", signed).cached(Cache::Public(SIGNED)))
}

/// The sheet as PDF, with the issuer's statement on the very file.
fn printed(app: &App, stored: &StoredSheet, opinion: Option<&str>) -> Answer {
    let internal = |error: &dyn std::fmt::Display| Problem::internal(error);
    let pdf = app.printed.get(printed_from("pdf", stored, opinion), || {
        let (statement, _) = read(stored)?;
        let pdf =
            sheet_document::sheet_pdf(stored.body.as_bytes(), opinion.map(str::as_bytes)).map_err(|e| internal(&e))?;
        let face = app.office.vouch(statement.digest(), Digest::sha256(&pdf))?;
        attachments::put_statement(pdf, &face).map_err(|e| internal(&e))
    })?;
    let name = format!("{}{}.pdf", stored.id, if opinion.is_some() { "-opinion" } else { "" });
    Ok(Reply::file("application/pdf", &name, pdf).cached(Cache::Public(SIGNED)))
}

/// What a file of this kind is made from: the signed documents, byte for byte. Another opinion makes another file.
fn printed_from(kind: &str, stored: &StoredSheet, opinion: Option<&str>) -> Digest {
    let documents: Vec<&[u8]> = std::iter::once(stored.body.as_str()).chain(opinion).map(str::as_bytes).collect();
    Digest::labelled(kind, &documents)
}

/// The signed opinion of the union above on this sheet, and what it says.
fn opinion_on(app: &App, stored: &StoredSheet) -> Result<Option<(String, OpinionStatement)>, Problem> {
    let kind = statements::opinion_on(&stored.id);
    let Some(signed) = app.database.read(|c| statements::load(c, stored.poll, &kind))? else { return Ok(None) };
    let statement = Statement::parse(signed.as_bytes()).map_err(|error| Problem::internal(&error))?;
    let opinion = OpinionStatement::read(statement.payload()).map_err(|error| Problem::internal(&error))?;
    Ok(Some((signed, opinion)))
}

/// `GET /sheets/{id}.xlsx`: the figures as a workbook.
///
/// # Errors
/// `NOT_FOUND`, `UNAVAILABLE`, `INTERNAL`.
pub fn sheet_workbook(app: &App, ask: &Ask) -> Answer {
    let stored = stored(app, ask)?;
    let opinion = opinion_on(app, &stored)?;
    let opinion = opinion.as_ref().map(|(signed, _)| signed.as_str());
    let book = app.printed.get(printed_from("xlsx", &stored, opinion), || {
        let book = sheet_document::sheet_workbook(stored.body.as_bytes(), opinion.map(str::as_bytes));
        book.map_err(|error| Problem::internal(&error))
    })?;
    Ok(Reply::file(workbook::KIND, &format!("{}.xlsx", stored.id), book).cached(Cache::Public(PAGE)))
}

/// `GET /sheets/{id}/chart.png`: the result as a picture, for notices and slides; `?of=` detailed, pledges or turnout
/// for the other charts.
///
/// # Errors
/// `NOT_FOUND`, `UNAVAILABLE`, `INTERNAL`.
pub fn chart(app: &App, ask: &Ask) -> Answer {
    let which = Picture::named(ask.query.get("of")).ok_or(Problem::NOT_FOUND)?;
    let stored = stored(app, ask)?;
    let picture = app.charts.get((stored.id.clone(), which), || {
        let (_, payload) = read(&stored)?;
        let chart = which.alone(&payload).ok_or(Problem::NOT_FOUND)?;
        chart.png(PAGE_WIDTH, 2).map_err(|error| Problem::internal(&error))
    })?;
    Ok(Reply::bytes("image/png", picture).cached(Cache::Immutable))
}

/// `GET /sheets/{id}/openings.json`: every answer beside its opening, and all receipts; from them anyone recounts. It may
/// be large, so that it is written while it is sent, one item in memory at a time.
///
/// # Errors
/// `NOT_FOUND`, `DOWNLOADS_BUSY`, `UNAVAILABLE`, `INTERNAL`.
pub fn openings(app: &App, ask: &Ask) -> Answer {
    let stored = stored(app, ask)?;
    let place = app.public_downloads.take(ask.address)?;
    let (statement, payload) = read(&stored)?;
    let poll = app.database.read(|c| polls::load(c, stored.poll))?.ok_or(Problem::NOT_FOUND)?;
    let ballot_box = app.ballot_box.clone();
    let receipts = ballot_box.receipts(poll.id)?.ok_or(Problem::NOT_FOUND)?;
    let sheet = statement.digest();
    let file = move |out: &mut dyn Write| {
        let block = |item: &Item| {
            let block = ballot_box.openings(&poll, &item.id).map_err(std::io::Error::other)?;
            block.ok_or_else(|| std::io::Error::other("no openings"))
        };
        openings_file::write(out, &sheet, &payload.paper(), block, &receipts)
    };
    let name = format!("{}-openings.json", stored.id);
    let reply = download::file(Some(place), "application/json; charset=utf-8", &name, None, file);
    Ok(reply.made_of(Digest::labelled(openings_file::FORMAT, &[&sheet.0])).cached(Cache::Public(SIGNED)))
}

/// `GET /.well-known/jwks.json`: the public keys, retired ones included.
///
/// # Errors
/// Never.
pub fn keys(app: &App, _: &Ask) -> Answer {
    Ok(Reply::bytes("application/jwk-set+json", app.keys.jwks()).cached(Cache::Public(SIGNED)))
}

/// `GET /healthz`: `ok` while the database answers.
///
/// # Errors
/// `UNAVAILABLE`.
pub fn health(app: &App, _: &Ask) -> Answer {
    app.database.read(|c| sheets::load(c, &SheetId::of(&Digest([0; 32]))))?;
    Ok(Reply::bytes("text/plain; charset=utf-8", "ok\n"))
}

fn stored(app: &App, ask: &Ask) -> Result<StoredSheet, Problem> {
    let id: SheetId = ask.param("id")?;
    let stored = app.database.read(|c| sheets::load(c, &id))?;
    stored.ok_or_else(|| Problem::NOT_FOUND.back_to("/sheets", "重新输入编号"))
}

fn read(stored: &StoredSheet) -> Result<(Statement, SheetPayload), Problem> {
    let statement = Statement::parse(stored.body.as_bytes()).map_err(|error| Problem::internal(&error))?;
    let payload = SheetPayload::read(statement.payload()).map_err(|error| Problem::internal(&error))?;
    Ok((statement, payload))
}
