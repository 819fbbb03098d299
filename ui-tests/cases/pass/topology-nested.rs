// Topologies are fields of topologies, with and without segments in common.

use netns_test::prelude::*;

mod sites {
    use netns_test::prelude::*;

    /// A site.
    #[derive(Topology, Clone, Debug)]
    pub struct Site {
        /// Where it meets others.
        #[segment("10.0.0.0/24")]
        pub uplink: Segment,
        /// Where it does not.
        #[segment("10.0.1.0/24")]
        pub(crate) lan: Segment,
        #[router(lan, uplink)]
        router: Host,
        /// Somebody.
        #[host(lan)]
        pub laptop: Host,
    }

    impl Site {
        pub fn router(&self) -> &Host {
            &self.router
        }
    }
}

use sites::Site;

#[derive(Topology)]
struct Two {
    #[segment("198.51.100.0/24")]
    wan: Segment,
    #[segment("198.51.101.0/24")]
    r#type: Segment,
    #[topology(uplink = wan)]
    left: Site,
    #[topology(uplink = wan, lan = r#type)]
    right: sites::Site,
    #[topology]
    far: Far,
}

#[derive(Topology)]
#[topology(routes = "none")]
struct Far {
    #[topology()]
    site: Site,
}

#[netns_test]
async fn two(net: Two) {
    net.left.laptop.assert_ping(net.right.router()).await;
    let copy = net.left.clone();
    println!("{copy:?} {:?} {:?}", net.left.lan, net.far.site.uplink);
}

fn main() {}
