//! `[[webhook]]`: who is told of events.

use super::error::Complaint;
use super::section::Section;
use super::value::{duration_up_to, list, number, one_of, text};
use crate::notifications::{EventKind, SecretError, SecretSource};
use crate::settings::{WebhookSettings, WebhookTarget, WebhookTls};
use hyper::Uri;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::de::DeValue;

/// Webhooks of one switch: each reads the whole journal.
const WEBHOOKS: usize = 16;

pub(super) fn read(top: &mut Section<'_>, folder: &Path) -> Vec<WebhookSettings> {
    let sections = top.tables("webhook");
    if sections.len() > WEBHOOKS {
        let mend = format!("at most {WEBHOOKS}; let one receiver pass events on");
        top.complain("webhook", Complaint::new(format!("there are {} webhooks", sections.len()), mend));
    }
    let mut names = BTreeSet::new();
    sections.into_iter().filter_map(|section| webhook(section, folder, &mut names)).collect()
}

fn webhook(mut section: Section<'_>, folder: &Path, names: &mut BTreeSet<String>) -> Option<WebhookSettings> {
    let name = section.required("name", name);
    if let Some(name) = name.filter(|name| !names.insert((*name).to_owned())) {
        section.complain(
            "name",
            Complaint::new(format!("there are two webhooks {name:?}"), "name each its own"),
        );
    }
    let target = section.required("url", url);
    let authority = section.optional("authority", |value| existing_file(value, folder));
    let target = target.map(|target| with_authority(&section, target, authority));
    let secrets = section.required("secret", |value| secrets(value, folder));
    for error in secrets.iter().flatten().filter_map(|secret| secret.read().err()) {
        section.complain("secret", unusable(&error));
    }
    let all = EventKind::WORDS.map(|(_, kind)| kind).to_vec();
    let events = section.or("events", all, |value| {
        let kinds = list(value, one_of(&EventKind::WORDS))?;
        if kinds.is_empty() {
            Err(Complaint::new("names no event", "leave it out for all of them"))
        } else {
            Ok(kinds)
        }
    });
    let timeout = section.or("timeout", Duration::from_secs(10), duration_up_to(Duration::from_mins(2)));
    let in_flight = section.or("in_flight", 8, number(1..=64)) as usize;
    let batch = section.or("batch", 1, number(1..=500)) as usize;
    section.finish();
    Some(WebhookSettings {
        name: name?.to_owned(),
        target: target?,
        secrets: secrets?,
        events,
        timeout,
        in_flight,
        batch,
    })
}

/// A name of which a file can be made.
fn name<'f>(value: &'f DeValue<'f>) -> Result<&'f str, Complaint> {
    let name = text(value)?;
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=32).contains(&name.len()) && name.bytes().all(legal) {
        return Ok(name);
    }
    let mend = "up to 32 small letters, digits and hyphens: files are named after it";
    Err(Complaint::new(format!("{name:?} is no name"), mend))
}

fn url(value: &DeValue<'_>) -> Result<WebhookTarget, Complaint> {
    let mend =
        "write \"https://HOST/PATH\", or \"http://127.0.0.1:PORT/PATH\" for a receiver on this machine";
    let uri: Uri = text(value)?.parse().map_err(|_| Complaint::new("is no URL", mend))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(Complaint::new("is no URL with scheme and host", mend));
    };
    if authority.as_str().contains('@') {
        let mend = "leave name and password out: requests are signed, and a secret has no place in this file";
        return Err(Complaint::new("holds a name or a password", mend));
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let (tls, usual_port) = match scheme {
        "https" => (WebhookTls::PublicAuthorities, 443),
        "http" if is_loopback(&host) => (WebhookTls::Off, 80),
        "http" => return Err(Complaint::new("plain HTTP is only for loopback addresses", "use https")),
        other => return Err(Complaint::new(format!("the scheme {other:?} is not known"), mend)),
    };
    let port = authority.port_u16().unwrap_or(usual_port);
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    Ok(WebhookTarget { host, port, authority: authority.as_str().to_owned(), path, tls })
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn with_authority(section: &Section<'_>, target: WebhookTarget, authority: Option<PathBuf>) -> WebhookTarget {
    let Some(file) = authority else { return target };
    if target.tls == WebhookTls::Off {
        let complaint = Complaint::new("belongs to an https URL", "remove `authority`, or use https");
        section.complain("authority", complaint);
        return target;
    }
    if let Err(error) = crate::edge::tls::authorities(&file) {
        section.complain("authority", Complaint::bare(error.to_string()));
    }
    WebhookTarget { tls: WebhookTls::Authority(file), ..target }
}

/// How secrets are written.
const FORMS: &str = "write \"FILE\" or { environment = \"VARIABLE\" }, or a list of two while you change it";

/// One source or a list of at most two.
fn secrets(value: &DeValue<'_>, folder: &Path) -> Result<Vec<SecretSource>, Complaint> {
    let sources = match value.as_array() {
        None => vec![secret(value, folder)?],
        Some(_) => list(value, |value| secret(value, folder))?,
    };
    if !(1..=2).contains(&sources.len()) {
        return Err(Complaint::new(format!("names {} secrets", sources.len()), FORMS));
    }
    Ok(sources)
}

fn secret(value: &DeValue<'_>, folder: &Path) -> Result<SecretSource, Complaint> {
    let Some(table) = value.as_table() else {
        return text(value).map(|file| SecretSource::File(folder.join(file)));
    };
    let mut entries = table.iter();
    let (Some((key, named)), None) = (entries.next(), entries.next()) else {
        return Err(Complaint::new("does not name one source", FORMS));
    };
    match (key.get_ref().as_ref(), text(named.get_ref())?) {
        (_, "") => Err(Complaint::new("names nothing that could be there", FORMS)),
        ("file", file) => Ok(SecretSource::File(folder.join(file))),
        ("environment", name) => Ok(SecretSource::Environment(name.to_owned())),
        (other, _) => Err(Complaint::not_known("source", other, ["file", "environment"])),
    }
}

fn unusable(error: &SecretError) -> Complaint {
    let mend = match error {
        SecretError::File(path, _) => {
            format!("make one: (umask 077 && openssl rand -hex 32 > {})", path.display())
        }
        SecretError::OpenToOthers(path, _) => format!("chmod 600 {}", path.display()),
        SecretError::NoVariable(name) => {
            format!("give {name} to this process: 64 hexadecimal digits of `openssl rand -hex 32`")
        }
        SecretError::Length(_) => "take the output of `openssl rand -hex 32`".to_owned(),
    };
    Complaint::new(error.to_string(), mend)
}

/// A path, relative to the configuration's folder, of a file that is there.
fn existing_file(value: &DeValue<'_>, folder: &Path) -> Result<PathBuf, Complaint> {
    let path = folder.join(text(value)?);
    if path.is_file() {
        return Ok(path);
    }
    let mend =
        "paths are relative to the folder of the configuration; leave it out for the public authorities";
    Err(Complaint::new(format!("there is no file {}", path.display()), mend))
}
