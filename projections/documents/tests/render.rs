//! What a finance person gets: text that can be copied, page numbers, a head on every page, and the same bytes each time.

#![allow(clippy::unwrap_used, reason = "a test")]

use subledger_documents::{Field, Invoice, Line, Money, Total, render};

fn invoice(lines: usize) -> Invoice {
    let money = |text: &str| Money(text.to_owned());
    let line = |n: usize| Line {
        title: if n.is_multiple_of(7) {
            "Dynamics 365 Unified Operations Plan for a company with a long name".into()
        } else {
            "Office 365 E3".into()
        },
        details: format!("Fabrikam Ümläut & Söhne GmbH · sub-{n} · Cycle fee"),
        from: "2018-01-13".into(),
        to: "2018-02-12".into(),
        quantity: "1,200".into(),
        amounts: if n.is_multiple_of(5) {
            ["-4.00", "-123,456,789.00", "-12,345.68", "-2,345,678.91", "-125,802,467.91"].map(money)
        } else {
            ["4.00", "48.00", "0.00", "0.00", "48.00"].map(money)
        },
    };
    Invoice {
        title: "Invoice".into(),
        number: "contoso-L-EUR-000001".into(),
        date: "2018-01-15".parse().unwrap(),
        issuer: "Provider Ltd.".into(),
        bill_to: vec!["Contoso AG".into(), "Hauptstraße 1".into(), "10115 Berlin".into(), "DE".into()],
        fields: vec![Field { label: "Invoice date".into(), value: "2018-01-15".into() }],
        totals: vec![Total {
            label: "Total current charges".into(),
            amount: money("1,016.00"),
            strong: true,
            memo: false,
        }],
        currency: "EUR".into(),
        due: Field { label: "To be paid by 2018-03-16".into(), value: "1,016.00 EUR".into() },
        lines: (1..=lines).map(line).collect(),
        notes: vec!["VAT DE: 19 % on top of the subtotal.".into()],
    }
}

/// The pages that a file says it has.
fn pages(pdf: &[u8]) -> usize {
    let text = String::from_utf8_lossy(pdf);
    let at = text.find("/Count ").unwrap() + "/Count ".len();
    text[at..].chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

#[test]
fn the_same_invoice_gives_the_same_bytes() {
    let one = render(&invoice(30)).unwrap();
    assert!(one.starts_with(b"%PDF-1.7") && one.trim_ascii_end().ends_with(b"%%EOF"));
    assert_eq!(one, render(&invoice(30)).unwrap());
    assert_ne!(one, render(&invoice(29)).unwrap());
}

#[test]
fn its_dates_are_the_invoices() {
    let pdf = render(&invoice(1)).unwrap();
    let text = String::from_utf8_lossy(&pdf).into_owned();
    assert!(text.contains("/CreationDate (D:20180115000000Z)"), "{}", text.lines().rev().take(20).collect::<String>());
}

#[test]
fn lines_fill_pages() {
    assert_eq!(pages(&render(&invoice(0)).unwrap()), 1);
    assert_eq!(pages(&render(&invoice(3)).unwrap()), 1);
    let many = render(&invoice(1_000)).unwrap();
    assert!((30..60).contains(&pages(&many)), "{}", pages(&many));
    // Each face is embedded once, and only with the glyphs used.
    assert!(many.len() < 400_000, "{}", many.len());
}

#[test]
fn characters_without_a_glyph_do_no_harm() {
    let mut odd = invoice(1);
    odd.bill_to = vec!["株式会社 😀".into(), "x".repeat(500), String::new()];
    odd.lines[0].details = "y".repeat(5_000);
    assert_eq!(pages(&render(&odd).unwrap()), 1);
}

/// Everything in the file, unpacked.
fn unpacked(pdf: &[u8]) -> String {
    let mut text = String::new();
    let mut rest = pdf;
    while let Some(at) = rest.windows(7).position(|window| window == b"stream\n") {
        rest = &rest[at + 7..];
        if let Ok(stream) = miniz_oxide::inflate::decompress_to_vec_zlib(rest) {
            text.push_str(&String::from_utf8_lossy(&stream));
        }
    }
    text
}

/// Names in Chinese, Japanese and Korean are printed with glyphs, and can be copied: each glyph says which character it is.
#[test]
fn names_of_east_asia_are_printed() {
    let mut invoice = invoice(1);
    let plain = render(&invoice).unwrap();
    assert!(!String::from_utf8_lossy(&plain).contains("DroidSansFallback"), "no page uses it");
    invoice.bill_to = vec!["株式会社コントソ".into(), "微软（中国）有限公司".into(), "한국 주식회사".into()];
    let pdf = render(&invoice).unwrap();
    assert!(String::from_utf8_lossy(&pdf).contains("SUBSET+DroidSansFallback"));
    assert!(pdf.len() < plain.len() + 60_000, "only the glyphs used: {} and {}", plain.len(), pdf.len());
    let text = unpacked(&pdf);
    for name in &invoice.bill_to {
        for c in name.chars().filter(|c| !c.is_whitespace()) {
            let mapped = format!("<{:04X}>", u32::from(c));
            assert!(text.contains(&mapped), "{c} is {mapped}");
        }
    }
    assert_eq!(pdf, render(&invoice).unwrap());
}
