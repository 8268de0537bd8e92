// Load for POST /convert: keeps N connections busy with submissions of a stored document until COUNT are accepted, then
// prints one JSON line {"accepted","seconds","per_second","p50_ms","p99_ms","failed"}. Bounded, stops by itself.
//
//   accept_load SOCKET CONNECTIONS COUNT FILENAME TO
//   accept_load beanstalkd:PORT CONNECTIONS COUNT BYTES      puts of that size to a beanstalkd on loopback instead

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view beanstalkd = "beanstalkd:";

int connect_to_port(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  std::perror("beanstalkd");
  std::exit(1);
}

int connect_to(const std::string& path) {
  if (path.starts_with(beanstalkd)) return connect_to_port(std::atoi(path.c_str() + beanstalkd.size()));
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

// The answer of a beanstalkd is a line; 200 when it has taken the job.
int read_line(int fd, std::string& buffer) {
  std::size_t end = 0;
  while ((end = buffer.find("\r\n")) == std::string::npos) {
    char bytes[4096];
    const ssize_t got = read(fd, bytes, sizeof bytes);
    if (got <= 0) return 0;
    buffer.append(bytes, static_cast<std::size_t>(got));
  }
  const bool inserted = buffer.starts_with("INSERTED ");
  buffer.erase(0, end + 2);
  return inserted ? 200 : 500;
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
      const int status = socket.starts_with(beanstalkd) ? read_line(fd, buffer) : read_answer(fd, buffer);
      if (status == 0) break;
      if (status != 200) ++failed;
      ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    }
    close(fd);
  }
};

std::string submission(const std::string& filename, const std::string& to) {
  const std::string body = R"({"filename":")" + filename + R"(","to":")" + to + R"("})";
  return "POST /convert HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string put(int bytes) {
  return "put 0 0 60 " + std::to_string(bytes) + "\r\n" + std::string(static_cast<std::size_t>(bytes), 'x') + "\r\n";
}

}  // namespace

int main(int argc, char** argv) {
  const bool puts = argc == 5 && std::string_view(argv[1]).starts_with(beanstalkd);
  if (argc != 6 && !puts) return std::fprintf(stderr, "usage: accept_load SOCKET CONNECTIONS COUNT FILENAME TO\n"), 64;
  const int count = std::atoi(argv[3]);
  const std::string request = puts ? put(std::atoi(argv[4])) : submission(argv[4], argv[5]);
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
