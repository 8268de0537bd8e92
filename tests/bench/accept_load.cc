// Load for POST /convert: keeps N connections busy with submissions of a stored document until COUNT are accepted, then
// prints one JSON line {"accepted","seconds","per_second","p50_ms","p99_ms","failed"}. Bounded, stops by itself.
//
//   accept_load SOCKET CONNECTIONS COUNT FILENAME TO

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

int connect_to(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  if (fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  std::perror(path.c_str());
  std::exit(1);
}

// One answer with a Content-Length; returns its status, 0 when the connection broke.
int read_answer(int fd, std::string& buffer) {
  for (;;) {
    const auto end = buffer.find("\r\n\r\n");
    if (end != std::string::npos) {
      std::string head = buffer.substr(0, end);
      std::transform(head.begin(), head.end(), head.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      const auto at = head.find("content-length:");
      const std::size_t length = at == std::string::npos ? 0 : std::strtoull(head.c_str() + at + 15, nullptr, 10);
      if (buffer.size() >= end + 4 + length) {
        buffer.erase(0, end + 4 + length);
        return std::atoi(head.c_str() + 9);
      }
    }
    char bytes[4096];
    const ssize_t got = read(fd, bytes, sizeof bytes);
    if (got <= 0) return 0;
    buffer.append(bytes, static_cast<std::size_t>(got));
  }
}

struct Worker {
  std::vector<double> ms;
  int failed = 0;

  void run(const std::string& socket, const std::string& request, std::atomic<int>& left) {
    const int fd = connect_to(socket);
    std::string buffer;
    while (left.fetch_sub(1) > 0) {
      const auto start = Clock::now();
      if (write(fd, request.data(), request.size()) != static_cast<ssize_t>(request.size())) break;
      const int status = read_answer(fd, buffer);
      if (status == 0) break;
      if (status != 200) ++failed;
      ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    }
    close(fd);
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return std::fprintf(stderr, "usage: accept_load SOCKET CONNECTIONS COUNT FILENAME TO\n"), 64;
  const int count = std::atoi(argv[3]);
  const std::string body = std::string(R"({"filename":")") + argv[4] + R"(","to":")" + argv[5] + R"("})";
  const std::string request =
      "POST /convert HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  std::vector<Worker> workers(static_cast<std::size_t>(std::max(1, std::atoi(argv[2]))));
  std::vector<std::thread> threads;
  std::atomic<int> left{count};
  const auto start = Clock::now();
  for (Worker& worker : workers) threads.emplace_back([&] { worker.run(argv[1], request, left); });
  for (std::thread& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();

  std::vector<double> all;
  int failed = 0;
  for (const Worker& worker : workers) {
    all.insert(all.end(), worker.ms.begin(), worker.ms.end());
    failed += worker.failed;
  }
  if (all.empty()) return std::fprintf(stderr, "no answer\n"), 1;
  std::sort(all.begin(), all.end());
  const auto at = [&](double share) {
    return all[std::min(all.size() - 1, static_cast<std::size_t>(share * static_cast<double>(all.size())))];
  };
  const auto accepted = all.size() - static_cast<std::size_t>(failed);
  std::printf(R"({"accepted":%zu,"seconds":%.3f,"per_second":%.0f,"p50_ms":%.3f,"p99_ms":%.3f,"failed":%d})"
              "\n",
              accepted, seconds, static_cast<double>(accepted) / seconds, at(0.5), at(0.99), failed);
  return failed == 0 ? 0 : 1;
}
