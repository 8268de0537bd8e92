#pragma once
// Serves the control socket: forks a child for each document, tells of its start and its end. Waits with poll(2) and
// has no other thread, because it forks.

#include <poll.h>

#include <chrono>
#include <deque>
#include <list>
#include <string>
#include <vector>

#include "convd/loop/unique_fd.h"
#include "convd/office/child.h"
#include "convd/office/spares.h"
#include "convd/process/office_wire.h"
#include "convd/process/packet.h"

namespace convd::office {

// Everything that is sent, in order; keeps what the socket does not take yet. One thread.
class Control {
 public:
  explicit Control(loop::UniqueFd socket) : socket_(std::move(socket)) {}

  void send(const process::OfficeMessage& message, std::vector<loop::UniqueFd> descriptors = {});
  void flush();
  bool waits() const { return !waiting_.empty(); }
  process::Received receive(process::Packet& packet) { return process::receive_packet(socket_.get(), buffer_, packet); }
  int get() const { return socket_.get(); }

 private:
  loop::UniqueFd socket_;
  std::vector<char> buffer_;
  std::deque<process::Packet> waiting_;
};

struct ZygoteOptions {
  std::string version;  // of LibreOffice
  int spares = 1;
  std::string temp_dir;
  std::chrono::milliseconds idle{100};        // without a document, before a spare is made
  std::chrono::milliseconds back_off{1'000};  // see Spares
  std::chrono::milliseconds patience{3'000};  // for a single thread
};

// Destroying it ends all children. One thread.
class Zygote {
 public:
  using Clock = std::chrono::steady_clock;

  Zygote(loop::UniqueFd control, Work work, const Confinement* confinement, ZygoteOptions options);
  ~Zygote();
  Zygote(const Zygote&) = delete;
  Zygote& operator=(const Zygote&) = delete;

  // Until it has been drained or the runner is gone. Returns the exit code.
  int serve();

 private:
  struct Child {
    process::ChildId id = 0;
    Handed process;
  };

  bool over() const;
  void turn();
  int patience_ms() const;
  void receive();
  void take(process::Packet packet);
  void start(process::Convert convert, process::Packet packet);
  shared::Result<Handed> process_for(process::Convert& convert, process::Packet& packet);
  void not_started(process::ChildId id, const std::string& why);
  void drain();
  void reap();

  Control control_;
  const ZygoteOptions options_;
  ChildWorld world_;
  Spares spares_;
  std::list<Child> children_;
  Clock::time_point idle_since_;
  bool draining_ = false;
  bool alone_ = false;  // the runner is gone
  int exit_code_ = 0;
};

}  // namespace convd::office
