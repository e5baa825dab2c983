//! Slips downloaded within their page (web/static/slips.js): what is broken is said and not saved, what is saved is whole.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::harness::Browser;
use crate::network::{Network, Weather};

impl Browser {
    /// On the page of slips with these codes: takes the file again that the network cut, and a second kind of file.
    pub async fn download_slips(&self, network: &Network, codes: &[String]) {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_str().unwrap();
        self.devtools("Page.setDownloadBehavior", json!({"behavior": "allow", "downloadPath": place})).await;
        network.foretell(&[Weather::AnswerCut(5000)]);
        self.click("#files .button").await;
        self.shows("#coming", "下载断了，文件不完整，没有保存").await;
        self.glance("slips-broken").await;
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was saved");
        // What is sent again within a second, the network takes for the same attempt.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        for format in ["pdf", "csv"] {
            self.click(&format!("#format [value={format}]")).await;
            self.click("#files .button").await;
            self.shows("#coming", &format!(".{format}（")).await;
            let said = self.text("#coming").await;
            let name = said.strip_prefix("已经下载完整：").and_then(|rest| rest.split('（').next()).expect("a name");
            let file = saved(&folder.path().join(name)).await;
            if format == "pdf" {
                assert!(file.starts_with(b"%PDF-") && file.trim_ascii_end().ends_with(b"%%EOF"), "a whole PDF");
            } else {
                let text = String::from_utf8(file).unwrap();
                assert_eq!(text.lines().count(), 1 + codes.len(), "{text}");
                assert!(codes.iter().all(|code| text.contains(code.as_str())), "{text}");
            }
        }
    }
}

/// The file, once the browser has put it there.
async fn saved(place: &Path) -> Vec<u8> {
    for _ in 0..600 {
        if let Ok(bytes) = std::fs::read(place) {
            return bytes;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} was never saved", place.display());
}
