//! Counting again from the published openings, and where a member's receipt stands among them.

use std::io::{BufReader, SeekFrom};

use super::report::Lines;
use super::{OpeningsFile, Unreadable};
use crate::domain::jws::Statement;
use crate::domain::merkle;
use crate::domain::openings_file::{self, Recount};
use crate::domain::sheet::SheetPayload;
use crate::domain::slip::Receipt;

impl Lines {
    pub(super) fn openings(
        &mut self,
        statement: &Statement,
        sheet: &SheetPayload,
        file: Option<&mut dyn OpeningsFile>,
        receipt: Option<Receipt>,
    ) -> Result<(), Unreadable> {
        let Some(file) = file else {
            if receipt.is_some() {
                return Err(Unreadable::ReceiptNeedsOpenings);
            }
            self.note("没有提供公开票据文件（--openings），没有重新计票");
            return Ok(());
        };
        match openings_file::recount(&mut *file, &sheet.paper()) {
            Ok(recount) => {
                self.recount(statement, sheet, &recount);
                if let Some(receipt) = receipt {
                    self.receipt(sheet, &recount.receipts, receipt);
                }
            }
            Err(error) => {
                self.unfit_openings(statement, file, error)?;
                if receipt.is_some() {
                    self.note("公开票据文件与报告单不符，没有核对回执");
                }
            }
        }
        Ok(())
    }

    /// A file that cannot be counted by this sheet's paper: another round's, or one that was changed.
    fn unfit_openings(
        &mut self,
        statement: &Statement,
        file: &mut dyn OpeningsFile,
        error: serde_json::Error,
    ) -> Result<(), Unreadable> {
        let again = file.seek(SeekFrom::Start(0)).map_err(serde_json::Error::io);
        let named = again.and_then(|_| openings_file::sheet_of(BufReader::new(file))).ok();
        let Some(named) = named else { return Err(Unreadable::Openings(error)) };
        let belongs = named == statement.digest();
        self.finding(belongs, "公开票据文件属于这份报告单");
        if belongs {
            self.finding(false, format!("公开票据可以按报告单的评议表重新计票（{error}）"));
        }
        Ok(())
    }

    fn recount(&mut self, statement: &Statement, sheet: &SheetPayload, recount: &Recount) {
        self.finding(recount.sheet == statement.digest(), "公开票据文件属于这份报告单");
        for (item, (tally, digest)) in sheet.items.iter().zip(&recount.items) {
            self.finding(
                *digest == item.openings && *tally == item.tally(),
                format!("“{}”重新计票：{}张，各档票数和摘要与报告单一致", item.title, tally.total()),
            );
        }
        let root = merkle::root(recount.receipts.iter().map(|receipt| receipt.0));
        let as_many = u64::try_from(recount.receipts.len()) == Ok(sheet.counts.returned);
        self.finding(
            as_many && root == sheet.proof.receipts_root,
            format!("回执{}个，回执根与报告单一致", recount.receipts.len()),
        );
    }

    /// Shows where the receipt stands and how its leaf leads to the root in the sheet.
    fn receipt(&mut self, sheet: &SheetPayload, receipts: &[Receipt], receipt: Receipt) {
        let leaves: Vec<[u8; 15]> = receipts.iter().map(|receipt| receipt.0).collect();
        let Ok(place) = leaves.binary_search(&receipt.0) else {
            return self.finding(false, format!("回执 {receipt} 在公布的回执之中"));
        };
        let proof = merkle::inclusion_proof(&leaves, place).unwrap_or_default();
        let (index, size) = (u64::try_from(place).unwrap_or(u64::MAX), u64::try_from(leaves.len()).unwrap_or(0));
        let proved = merkle::proves_inclusion(&sheet.proof.receipts_root, size, index, &receipt.0, &proof);
        self.finding(proved, format!("回执 {receipt} 已计入：第{}个，共{size}个", place + 1));
        self.note(format!("包含证明（RFC 6962）：叶 {}", merkle::leaf_hash(&receipt.0)));
        for sibling in proof {
            self.note(format!("  兄弟节点 {sibling}"));
        }
        self.note(format!("  根 {}", sheet.proof.receipts_root));
    }
}
