//! Where a form comes from, as far as the browser tells: refused when it is from another site, led to the right
//! address when ours was opened under another name.
//!
//! Behind the login every form carries the token of its session besides. Members have no session, so a foreign page
//! can do nothing in their name: what casts a ballot is the slip's code, and whoever has it needs no foreign page. Signing
//! in is between the two: no session yet, but one would be begun. Its page alone lets browsers say where the form is
//! from (`Referrer-Policy: same-origin`), so there `Origin: null` is a foreign page.

use actix_web::http::header::{self, HeaderName};

use super::peer::host_of;
use super::problem::Problem;
use super::request::Request;
use super::session;

/// Refuses a form for `route` that does not come from one of our pages.
///
/// # Errors
/// `FOREIGN_FORM`; `OTHER_ADDRESS` when it comes from our page under a name that is not the public one.
pub(super) fn check(request: &Request, route: &str, public_url: &str) -> Result<(), Problem> {
    static SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    let site = request.header(&SITE);
    if !matches!(site, "" | "same-origin" | "none") {
        return Err(Problem::FOREIGN_FORM);
    }
    let origin = request.header(&header::ORIGIN);
    let referer = request.header(&header::REFERER);
    if origin == "null" && site.is_empty() && route == session::LOGIN {
        return Err(Problem::FOREIGN_FORM);
    }
    let given = [origin, referer].into_iter().filter(|place| !matches!(*place, "" | "null"));
    for place in given.filter(|place| !is_public(place, public_url)) {
        let asked = request.header(&header::HOST);
        if host_of(place) != asked || asked.is_empty() {
            return Err(Problem::FOREIGN_FORM);
        }
        // A plain installation, a demonstration say, is opened under whatever name leads to it.
        if public_url.starts_with("https://") {
            return Err(Problem::OTHER_ADDRESS.at(public_url));
        }
    }
    Ok(())
}

fn is_public(place: &str, public_url: &str) -> bool {
    let rest = place.strip_prefix(public_url).or_else(|| {
        // Browsers leave the usual port out.
        place.strip_prefix(public_url.strip_suffix(":443").or_else(|| public_url.strip_suffix(":80"))?)
    });
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn from(path: &str, public_url: &str, headers: &[(&'static str, &'static str)]) -> Option<&'static str> {
        let request = TestRequest::post().uri(path).insert_header(("host", "pj.example.cn"));
        let request = headers.iter().fold(request, |request, header| request.insert_header(*header));
        check(&Request::new(request.to_request(), false), path, public_url).err().map(|problem| problem.code)
    }

    #[test]
    fn forms_of_other_sites_are_noticed() {
        let from = |headers: &[(&'static str, &'static str)]| from("/desk", "https://pj.example.cn", headers);
        assert_eq!(from(&[]), None);
        assert_eq!(from(&[("origin", "https://pj.example.cn")]), None);
        assert_eq!(from(&[("referer", "https://pj.example.cn/desk")]), None);
        assert_eq!(from(&[("origin", "null"), ("sec-fetch-site", "same-origin")]), None);
        for foreign in [
            ("origin", "https://evil.example"),
            ("referer", "https://evil.example/pj.example.cn"),
            ("origin", "https://pj.example.cn.evil.example"),
            ("origin", "https://pj.example.cn:8443"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert_eq!(from(&[foreign]), Some("foreign_form"), "{foreign:?}");
        }
        assert_eq!(from(&[("origin", "null"), ("sec-fetch-site", "cross-site")]), Some("foreign_form"));
    }

    #[test]
    fn ours_under_another_name_is_led_to_the_right_one() {
        let origin = [("origin", "http://pj.example.cn")];
        assert_eq!(from("/desk", "https://pj.example.cn", &origin), Some("other_address"), "not encrypted");
        assert_eq!(from("/desk", "https://vote.example.cn", &origin), Some("other_address"));
        assert_eq!(from("/desk", "http://192.0.2.1:8080", &origin), None, "a plain installation has many names");
        assert_eq!(from("/desk", "https://pj.example.cn:443", &[("origin", "https://pj.example.cn")]), None);
    }

    #[test]
    fn signing_in_wants_to_know_where_from() {
        let null = [("origin", "null")];
        assert_eq!(from("/login", "https://pj.example.cn", &null), Some("foreign_form"));
        assert_eq!(from("/V/X", "https://pj.example.cn", &null), None, "old browsers, and a page without referrer");
        let same = [("origin", "null"), ("sec-fetch-site", "same-origin")];
        assert_eq!(from("/login", "https://pj.example.cn", &same), None);
        assert_eq!(from("/login", "https://pj.example.cn", &[]), None, "programs say nothing");
    }
}
