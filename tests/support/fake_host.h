#pragma once
// A machine on which all is well, until the test says otherwise.

#include "convd/api/host.h"

namespace tests {

struct FakeHost final : convd::api::Host {
  FakeHost() {
    facts.state_dir = "/var/lib/convd";
    facts.file_system = "ext4";
    facts.free_bytes = std::int64_t{80} << 30;
    facts.fonts = 40;
    facts.listening = {"/run/convd/convd.sock", "127.0.0.1:8080"};
  }
  convd::api::HostFacts look() const override { return facts; }

  convd::api::HostFacts facts;
};

}  // namespace tests
