//! The lab is what was described.

use netns_test::prelude::*;
