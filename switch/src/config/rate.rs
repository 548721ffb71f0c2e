//! `[[rate]]` and `[exchange]`: rates of exchange.

use super::error::Complaint;
use super::section::Section;
use super::value::{currency, day, one_of, parse_day, parse_percent, percent, switch, text};
use auth::{Quotation, Rate, RateTable, Rounding};
use card::{CivilDay, Currency};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use toml::de::DeValue;

/// What cardholders may pay on top at most, percent.
const MARKUP: u32 = 50;

/// Rates of one configuration, those of its file included.
const RATES: usize = 100_000;

/// Most decimals of a stated rate.
const DECIMALS: u8 = 12;

/// Columns of a file of rates, in any order; the last three may be absent.
const COLUMNS: [&str; 6] = ["from", "to", "rate", "markup", "valid_from", "both_ways"];

/// Which rates are there already.
type Known = BTreeSet<(Currency, Currency, Option<CivilDay>)>;

pub(super) fn read(top: &mut Section<'_>, folder: &Path) -> RateTable {
    let mut known = Known::new();
    let mut quotations = Vec::new();
    for section in top.tables("rate") {
        quotations.extend(stated(section, &mut known));
    }
    let (mut base, mut rounding) = (None, Rounding::default());
    if let Some(mut section) = top.table("exchange") {
        base = section.optional("base", currency);
        rounding =
            section.or("rounding", rounding, one_of(&[("half_up", Rounding::HalfUp), ("up", Rounding::Up)]));
        let file = section.optional("rates_file", |value| text(value).map(|path| folder.join(path)));
        if let Some(file) = file {
            match fs::read_to_string(&file) {
                Ok(content) => quotations.extend(of_file(&section, &content, &mut known)),
                Err(error) => section.complain(
                    "rates_file",
                    Complaint::new(
                        format!("{} cannot be read: {error}", file.display()),
                        "name a CSV file with the columns from, to, rate",
                    ),
                ),
            }
        }
        section.finish();
    }
    RateTable::new(quotations, base, rounding)
}

fn stated(mut section: Section<'_>, known: &mut Known) -> Option<Quotation> {
    let from = section.required("from", currency);
    let to = section.required("to", currency);
    let rate = section.required("rate", rate);
    let markup = section.or("markup", 0, percent(MARKUP)) as u16;
    let valid_from = section.optional("valid_from", day);
    let both_ways = section.or("both_ways", false, switch);
    let quotation = from.zip(to).zip(rate).map(|((from, to), rate)| Quotation {
        from,
        to,
        rate,
        markup,
        valid_from,
        both_ways,
    });
    if let Some(complaint) = quotation.as_ref().and_then(|quotation| doubtful(quotation, known)) {
        section.complain("", complaint);
    }
    section.finish();
    quotation
}

/// What is wrong with a rate beside the others.
fn doubtful(quotation: &Quotation, known: &mut Known) -> Option<Complaint> {
    let Quotation { from, to, valid_from, .. } = *quotation;
    if from == to {
        return Some(Complaint::new(format!("is from {from} to {to}"), "a rate is between two currencies"));
    }
    let first = known.insert((from, to, valid_from));
    let mend = "give each a `valid_from` of its own, or remove one";
    (!first).then(|| Complaint::new(format!("is the second from {from} to {to} for the same days"), mend))
}

fn rate(value: &DeValue<'_>) -> Result<Rate, Complaint> {
    parse_rate(text(value)?).ok_or_else(|| Complaint::new("is no rate", RATE_MEND))
}

const RATE_MEND: &str = "a decimal number above zero in quotes, up to twelve digits: \"1.0837\"";

fn parse_rate(text: &str) -> Option<Rate> {
    Rate::parse(text).filter(|rate| rate.decimals() <= DECIMALS)
}

/// Lines of a CSV file; each mistake is noted with its line.
fn of_file(section: &Section<'_>, content: &str, known: &mut Known) -> Vec<Quotation> {
    let complain = |line: usize, complaint: Complaint| {
        let reason = format!("line {line}: {}", complaint.reason);
        section.complain("rates_file", Complaint { reason, ..complaint });
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(content.as_bytes());
    let columns = match reader.headers() {
        Ok(header) => match columns(header) {
            Ok(columns) => columns,
            Err(complaint) => {
                complain(1, complaint);
                return Vec::new();
            }
        },
        Err(_) => {
            complain(1, Complaint::bare("cannot be read"));
            return Vec::new();
        }
    };
    let mut quotations = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(1, |position| position.line() as usize);
                complain(line, Complaint::bare("has not as many columns as the first line"));
                return quotations;
            }
        };
        let line = record.position().map_or(0, |position| position.line() as usize);
        if quotations.len() >= RATES {
            complain(line, Complaint::bare(format!("there are more than {RATES} rates")));
            return quotations;
        }
        match of_line(&record, &columns) {
            Ok(quotation) => {
                if let Some(complaint) = doubtful(&quotation, known) {
                    complain(line, complaint);
                }
                quotations.push(quotation);
            }
            Err(complaint) => complain(line, complaint),
        }
    }
    quotations
}

/// Where each of [`COLUMNS`] stands.
fn columns(header: &csv::StringRecord) -> Result<[Option<usize>; 6], Complaint> {
    let known = || COLUMNS.join(", ");
    if let Some(other) = header.iter().find(|name| !COLUMNS.contains(name)) {
        return Err(Complaint::new(format!("no column is called {other:?}"), format!("known: {}", known())));
    }
    let places = COLUMNS.map(|name| header.iter().position(|column| column == name));
    match places.iter().take(3).position(Option::is_none) {
        None => Ok(places),
        Some(missing) => Err(Complaint::new(
            format!("column {:?} is missing", COLUMNS[missing]),
            "the first line names the columns: from,to,rate",
        )),
    }
}

fn of_line(record: &csv::StringRecord, columns: &[Option<usize>; 6]) -> Result<Quotation, Complaint> {
    let value = |place: usize| {
        let text = columns[place].and_then(|place| record.get(place)).unwrap_or("");
        (!text.is_empty()).then_some(text)
    };
    let wrong = |place: usize, mend: &str| {
        Complaint::new(format!("{} is wrong or missing", COLUMNS[place]), mend.to_owned())
    };
    let of_code = |place: usize| {
        let code = value(place).and_then(|text| Currency::parse(text).ok());
        code.ok_or_else(|| wrong(place, "a code of ISO 4217: USD"))
    };
    Ok(Quotation {
        from: of_code(0)?,
        to: of_code(1)?,
        rate: value(2).and_then(parse_rate).ok_or_else(|| wrong(2, RATE_MEND))?,
        markup: match value(3) {
            Some(text) => parse_percent(text)
                .filter(|points| *points <= MARKUP * 100)
                .ok_or_else(|| wrong(3, "a share: 1.5%"))? as u16,
            None => 0,
        },
        valid_from: match value(4) {
            Some(text) => Some(parse_day(text).ok_or_else(|| wrong(4, "a day: 2026-11-27"))?),
            None => None,
        },
        both_ways: match value(5) {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(wrong(5, "true or false")),
        },
    })
}
