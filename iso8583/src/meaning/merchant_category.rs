//! Merchant category codes (ISO 18245), those one meets most. The ranges in which airlines, car
//! rentals and hotels have a code each are told as a whole.

use super::digits::number;

/// The category of a four-digit code.
pub(super) fn of(value: &str) -> Option<String> {
    if value.len() != 4 {
        return None;
    }
    by_number(u16::try_from(number(value)?).ok()?).map(str::to_string)
}

/// The category of a numeric code.
pub(super) fn by_number(code: u16) -> Option<&'static str> {
    Some(match code {
        742 => "veterinary services",
        763 => "agricultural cooperatives",
        780 => "landscaping and gardening",
        1520 => "general contractors",
        1711 => "heating, plumbing and air conditioning",
        1731 => "electrical contractors",
        // The outer parts of these ranges are assigned to different trades by different schemes.
        3000..=3299 => "airline",
        3351..=3441 => "car rental company",
        3501..=3799 => "hotel chain",
        4111 => "local passenger transport",
        4112 => "passenger railways",
        4119 => "ambulance services",
        4121 => "taxis and limousines",
        4131 => "bus lines",
        4214 => "freight and moving",
        4215 => "courier services",
        4411 => "cruise lines",
        4511 => "airlines",
        4582 => "airports",
        4722 => "travel agencies",
        4784 => "tolls and bridge fees",
        4789 => "transport services",
        4812 => "telephone equipment",
        4814 => "telecommunication services",
        4816 => "network and information services",
        4829 => "money transfer",
        4899 => "cable and pay television",
        4900 => "utilities",
        5045 => "computers and software, wholesale",
        5111 => "stationery and office supplies, wholesale",
        5200 => "home supply warehouses",
        5211 => "building materials",
        5251 => "hardware stores",
        5261 => "garden supply stores",
        5300 => "wholesale clubs",
        5309 => "duty-free stores",
        5310 => "discount stores",
        5311 => "department stores",
        5331 => "variety stores",
        5399 => "general merchandise",
        5411 => "grocery stores and supermarkets",
        5422 => "meat shops",
        5441 => "confectioners",
        5451 => "dairy shops",
        5462 => "bakeries",
        5499 => "other food stores",
        5511 => "car dealers",
        5532 => "tyre stores",
        5533 => "car parts stores",
        5541 => "service stations",
        5542 => "automated fuel dispensers",
        5611 => "men's clothing",
        5621 => "women's clothing",
        5641 => "children's clothing",
        5651 => "family clothing",
        5655 => "sports clothing",
        5661 => "shoe stores",
        5691 => "men's and women's clothing",
        5699 => "other clothing",
        5712 => "furniture stores",
        5722 => "household appliances",
        5732 => "electronics stores",
        5734 => "software stores",
        5811 => "caterers",
        5812 => "restaurants",
        5813 => "bars and nightclubs",
        5814 => "fast food",
        5815 => "digital goods: books, films, music",
        5816 => "digital goods: games",
        5817 => "digital goods: applications",
        5818 => "digital goods: several kinds",
        5912 => "pharmacies",
        5921 => "liquor stores",
        5931 => "second-hand stores",
        5941 => "sporting goods",
        5942 => "book shops",
        5943 => "stationery shops",
        5944 => "jewellers",
        5945 => "toy and game shops",
        5947 => "gift shops",
        5964 => "catalogue merchants",
        5965 => "catalogue and retail merchants",
        5966 => "outbound telemarketing",
        5967 => "inbound teleservices",
        5968 => "subscriptions",
        5969 => "other direct marketing",
        5977 => "cosmetics stores",
        5983 => "fuel dealers",
        5992 => "florists",
        5993 => "tobacconists",
        5994 => "newsagents",
        5995 => "pet shops",
        5999 => "other retail",
        6010 => "manual cash disbursement",
        6011 => "automated cash disbursement",
        6012 => "financial institution, goods and services",
        6051 => "quasi-cash, not a financial institution",
        6211 => "securities brokers",
        6300 => "insurance",
        6513 => "real estate rentals",
        7011 => "hotels",
        7033 => "campsites",
        7210 => "laundry services",
        7216 => "dry cleaners",
        7221 => "photographic studios",
        7230 => "hairdressers and beauty salons",
        7261 => "funeral services",
        7273 => "dating services",
        7298 => "health and beauty spas",
        7299 => "other personal services",
        7311 => "advertising",
        7372 => "programming and data processing",
        7392 => "consulting",
        7399 => "business services",
        7512 => "car rental",
        7523 => "parking",
        7538 => "car repair",
        7542 => "car washes",
        7549 => "towing",
        7832 => "cinemas",
        7922 => "theatres and ticket agencies",
        7933 => "bowling",
        7941 => "sports clubs and fields",
        7991 => "tourist attractions",
        7992 => "golf courses",
        7994 => "video game arcades",
        7995 => "gambling",
        7996 => "amusement parks",
        7997 => "membership clubs",
        7999 => "recreation services",
        8011 => "doctors",
        8021 => "dentists",
        8043 => "opticians",
        8062 => "hospitals",
        8071 => "medical laboratories",
        8099 => "health services",
        8111 => "legal services",
        8211 => "schools",
        8220 => "colleges and universities",
        8299 => "educational services",
        8351 => "child care",
        8398 => "charities",
        8651 => "political organizations",
        8661 => "religious organizations",
        8675 => "automobile associations",
        8699 => "membership organizations",
        8911 => "architects and engineers",
        8931 => "accountants",
        8999 => "professional services",
        9211 => "court costs",
        9222 => "fines",
        9223 => "bail and bonds",
        9311 => "taxes",
        9399 => "government services",
        9402 => "postal services",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories() {
        let check = |value: &str, expect: Option<&str>| assert_eq!(of(value).as_deref(), expect, "{value}");
        check("0742", Some("veterinary services"));
        check("3000", Some("airline"));
        check("4121", Some("taxis and limousines"));
        check("5411", Some("grocery stores and supermarkets"));
        check("5542", Some("automated fuel dispensers"));
        check("5812", Some("restaurants"));
        check("6011", Some("automated cash disbursement"));
        check("7995", Some("gambling"));
        for bad in ["", "0000", "9999", "541", "05411", "541A", "éé"] {
            check(bad, None);
        }
    }
}
