//! The text of a development configuration.

use super::{Ports, TestKeyCryptograms};
use terminal::TestIssuer;

/// The file as `turnout init` writes it.
pub(super) fn text(ports: &Ports, issuer: &TestIssuer, keys: &TestKeyCryptograms) -> String {
    let Ports { pos, pos_bcd, hosts, ndc, integration, admin } = ports;
    let TestIssuer { pvki, derivation_key_index, .. } = issuer;
    let bin = issuer.bin();
    let keys = keys.text();
    format!(
        r#"# Turnout, a configuration for development, made by `turnout init`. docs/configuration.md explains
# every key; `turnout check` finds every mistake. Paths are relative to this file.

data = "turnout-data"                   # journal and imported keys
master_key = "turnout-data/master.key"  # wraps the keys of data at rest; without it the data is lost
business_offset = "+00:00"              # when the business day begins
hold_period = "7d"                      # how long an authorization holds money that nobody completes
drain_deadline = "10s"                  # how long SIGTERM waits for answers in flight
shards = 1                              # threads that decide; cards are spread over them

[journal]
segment = "64MiB"

# The HSM inside this process, under the LMK that everybody knows: for development only.
# For a payShield, or for `hsm-sim --test-lmk` in a process of its own:
#   mode = "payshield", units = ["127.0.0.1:1500"], header_length = 4, connections = 2
[hsm]
mode = "embedded"
lmk = "public-test"
workers = 1
deadline = "2s"

[tls]
certificate = "certs/switch.pem"
key = "certs/switch.key"
client_authority = "certs/authority.pem"

[admin]                                 # /metrics, /livez, /readyz
address = "127.0.0.1:{admin}"
tls = true

# POS terminals. `tls = "required"` lets in who has a certificate that the authority signed.
[[listener]]
name = "pos"
address = "127.0.0.1:{pos}"
protocol = "iso8583"
dialect = "iso87_ascii"
tls = "required"
client_certificate = ["pos", "loadtest"]  # common names that may speak for its terminals; else any may
pin_key = "zpk-test"
pin_format = "01"

[[listener.terminal]]
id = "*"                                # any terminal; or name each: "TERM0001", "TERM*"

# The same for terminals that speak packed digits behind a TPDU.
[[listener]]
name = "pos-bcd"
address = "127.0.0.1:{pos_bcd}"
protocol = "iso8583"
dialect = "iso87_bcd"
tls = "required"
client_certificate = ["pos", "loadtest"]
pin_key = "zpk-test"

[[listener.terminal]]
id = "*"

# Hosts and networks, whose terminals they know themselves.
[[listener]]
name = "hosts"
address = "127.0.0.1:{hosts}"
protocol = "iso8583"
dialect = "iso87_ascii"
tls = "required"
client_certificate = "host"
pin_key = "zpk-test"

[[listener.terminal]]
id = "*"

# ATMs. A terminal's id is its LUNO.
[[listener]]
name = "atm"
address = "127.0.0.1:{ndc}"
protocol = "ndc"
tls = "required"
pin_key = "tpk-test"

[[listener.terminal]]
id = "001"
certificate = "atm"                     # its own, instead of a `client_certificate` of the listener
allow = ["withdrawal", "balance_inquiry"]
cassettes = ["10.00", "20.00", "50.00", "100.00"]

[[listener.terminal]]
id = "002"
certificate = "atm"
allow = ["withdrawal", "balance_inquiry"]
cassettes = ["20.00", "50.00", "0", "0"]

[listener.ndc]                          # what the state tables and screens of the ATMs are made for
currency = "USD"
operation_codes = {{ "A      A" = "withdrawal", "B      B" = "balance_inquiry" }}
approved_state = "030"
approved_screen = "030"
information_state = "031"
information_screen = "031"
declined_state = "040"
declined_screen = "040"
declined_screens = {{ "51" = 41, "54" = 42, "55" = 43, "61" = 44, "75" = 45 }}
max_notes = 40
completion_deadline = "2m"

# Scripts and integration tools: plain TCP, which only a loopback address may have.
[[listener]]
name = "integration"
address = "127.0.0.1:{integration}"
protocol = "iso8583"
dialect = "iso87_ascii"
tls = "off"
pin_key = "zpk-test"

[[listener.terminal]]
id = "*"

# Keys, as cryptograms under the LMK. `turnout key import` adds others in {{data}}/keys.toml.
{keys}
# The test cards of cards.csv.
[[product]]
name = "classic"
bins = ["{bin}"]
scheme = "visa"
currency = "USD"
cvk = "cvk-test"
cvv_position = 5                        # behind PVKI ({pvki}) and PVV
pin_method = "pvv"
pvk = "pvk-test"
issuer_master_keys = [{{ index = {derivation_key_index}, key = "mk-ac-test" }}]
pin_try_limit = 3
capture_on_pin_tries = false
capture_expired = false
atc_max_jump = 1000

[product.purchase]
per_transaction = "500.00"
daily = "2000.00"
daily_count = 200

[product.withdrawal]
per_transaction = "400.00"
daily = "800.00"
daily_count = 10

# Beyond those of the product: docs/limits.md.
[[limit]]
name = "fuel"
window = "week"
amount = "150.00"
mcc = ["5541-5542"]

# Policy; docs/rules.md lists what a condition may look at.
[[rule]]
name = "cash-at-night"
when = "transaction == 'withdrawal' && hour < 5"
action = "flag"
"#
    )
}
