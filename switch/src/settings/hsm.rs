use std::net::SocketAddr;
use std::time::Duration;

/// Where HSM commands go.
#[derive(Clone, Debug)]
pub enum HsmSettings {
    /// The simulator inside this process.
    Embedded {
        /// Threads that execute commands.
        workers: usize,
    },
    /// payShield units, or `hsm-sim`, over TCP.
    PayShield(PayShieldSettings),
}

/// payShield units and how they are used.
#[derive(Clone, Debug)]
pub struct PayShieldSettings {
    /// The units.
    pub units: Vec<UnitSettings>,
    /// Characters of the message header, as set on the units; at least 4 are needed to tell
    /// replies apart.
    pub header_length: usize,
    /// Connections to each unit.
    pub connections: usize,
    /// Commands that one connection may have under way.
    pub in_flight: usize,
    /// Commands that may wait for room on a connection; with as many, a request's checks are refused.
    pub queue: usize,
    /// Deadline of one command.
    pub deadline: Duration,
    /// A connection that has said nothing for this long, while nothing was asked, is asked `NC`.
    pub health_interval: Duration,
}

/// One payShield unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitSettings {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its share of the commands, in proportion to the weights of the others.
    pub weight: u32,
    /// Commands per second that it is licensed for; 0 when that is not known.
    pub licence_rate: u32,
}

impl PayShieldSettings {
    /// These units, and everything else as it is where the configuration says nothing.
    #[must_use]
    pub fn new(units: Vec<UnitSettings>) -> PayShieldSettings {
        PayShieldSettings {
            units,
            header_length: 4,
            connections: 2,
            in_flight: 256,
            queue: 8192,
            deadline: Duration::from_secs(2),
            health_interval: Duration::from_secs(10),
        }
    }
}

impl UnitSettings {
    /// A unit of weight 1 whose licence is not known.
    #[must_use]
    pub fn new(address: SocketAddr) -> UnitSettings {
        UnitSettings { address, weight: 1, licence_rate: 0 }
    }
}
