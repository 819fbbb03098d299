//! Ping.

use netns_test::prelude::*;
