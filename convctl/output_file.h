#pragma once
// Where the bytes of a result go: a file that appears under its name only when it is complete, or a stream. Main thread
// only. All throw Failure: cannot_create when the file cannot be made or exists, io_error when writing fails.

#include <string>
#include <string_view>

#include "convctl/file_descriptor.h"

namespace convctl {

enum class Replace { no, yes };

class OutputFile {
 public:
  // Makes a temporary file in the directory of `path`.
  explicit OutputFile(const std::string& path);
  // Removes the temporary file unless commit() has succeeded.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::string_view bytes);
  // Gives it the name `path` (in the same directory), with the permissions of the umask.
  void commit(const std::string& path, Replace replace);

 private:
  std::string temporary_;
  FileDescriptor file_;
};

// Writes all to `fd`. While a slow reader makes it wait, a signal that arrives at `signal_fd` (or -1) ends it with
// Failure (interrupted).
void write_stream(int fd, std::string_view bytes, int signal_fd);

// All of standard input, in an unlinked temporary file, read from its start. Throws no_input when there is nothing.
FileDescriptor spool_stdin(int signal_fd);

}  // namespace convctl
