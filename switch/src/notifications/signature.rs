use super::secret::Secret;
use card::Time;

/// The header in which the signature goes.
pub const SIGNATURE_HEADER: &str = "turnout-signature";

/// The signature header's value: `t=SECONDS,v1=HEX`, with one `v1` for each secret. Each is HMAC-SHA-256 over the
/// seconds since 1970 in decimal, a full stop, and the body.
#[must_use]
pub fn signature(secrets: &[Secret], now: Time, body: &[u8]) -> String {
    let seconds = now.unix_ms.div_euclid(1000).to_string();
    let mut value = format!("t={seconds}");
    for secret in secrets {
        value.push_str(",v1=");
        value.push_str(&hex::encode(secret.sign(&[seconds.as_bytes(), b".", body])));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_others_compute_it() {
        // printf '1795444215.{"events":[]}' | openssl dgst -sha256 -hmac 0123456789abcdef
        let secret = |text: &str| Secret::new(text.as_bytes()).unwrap();
        let now = Time::from_unix_ms(1_795_444_215_999);
        let one = signature(&[secret("0123456789abcdef")], now, b"{\"events\":[]}");
        assert_eq!(one, "t=1795444215,v1=13cd8b7f91f98b5eb739dea5996810ae4e9982951fcc92bce736d2503eeac06b");
        let both = signature(
            &[secret("another secret of ours"), secret("0123456789abcdef")],
            now,
            b"{\"events\":[]}",
        );
        assert!(both.ends_with(&one[12..]) && both.matches("v1=").count() == 2, "{both}");
    }
}
