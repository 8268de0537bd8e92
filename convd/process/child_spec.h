#pragma once
// A sandboxed child as plain data, before it is a process. convd describes, convd-runner starts.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "convd/process/office_job.h"

namespace convd::process {

// An input file as the child sees it: read-only at /in/<name>. The descriptor is borrowed until start() returns.
struct InputFile {
  std::string name;
  int fd = -1;
};

// A small file made for the child (a profile, a policy), read-only at `path`. Not for documents.
struct MadeFile {
  std::string path;
  std::string content;
};

// Zero means "no limit of its own".
struct Limits {
  std::int64_t memory_bytes = 0;         // cgroup where there is one, else address space
  std::int64_t address_space_bytes = 0;  // RLIMIT_AS
  std::int64_t cpu_ms = 0;               // RLIMIT_CPU, rounded up to a second
  std::int64_t file_bytes = 0;           // RLIMIT_FSIZE, one file
  std::int64_t output_bytes = 0;         // all of /out together
  int output_files = 0;
  int processes = 0;
  int open_files = 0;
  std::int64_t tmp_bytes = 0;  // size of the private /tmp
};

// What kind of program it is, which decides what system calls it may make (seccomp_filter.h).
enum class Family : std::uint8_t { described, office, markup, pdf, image, media };
inline constexpr std::size_t family_count = 6;

// Inside: / is the system's /usr read-only, /in the inputs, /out empty and writable (the working directory), /tmp
// private, no network, no other process, no capability. The environment is exactly `env` (with PATH, HOME=/tmp and LANG
// added when absent).
struct ChildSpec {
  std::string job;                // for logs: conversion id and stage
  std::vector<std::string> argv;  // argv[0] is an absolute path inside
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<InputFile> inputs;
  std::vector<MadeFile> files;
  std::vector<std::string> read_only;  // host paths shown at the same place, skipped when absent (/etc/fonts, ...)
  Limits limits;
  // What convd-inspect is told of the one input, before argv is run; empty: it is not looked at.
  std::string inspection;
  Family family = Family::described;
  int nice = 10;  // engines stay below the daemon
  // Done by a child of the warm LibreOffice where one serves, and by argv where none does; the one input is then the
  // document.
  std::optional<OfficeJob> office;
  bool needs_warm_office = false;  // argv cannot do what is asked: without a warm one it is not_started
};

}  // namespace convd::process
