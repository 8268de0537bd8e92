// What an operation on the queue costs with 10, 1,000 and 1,000,000 conversions waiting, of one org and spread over
// more: nanoseconds of CPU, and how many times those at 10. As many wait at the end of each pair as at its beginning.
//   queue_bench [pairs]       default: 100000

#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "convd/jobs/queue.h"

using convd::jobs::Length;
using convd::jobs::Queue;
using convd::jobs::Room;
using convd::jobs::Waiting;

namespace {

struct Figures {
  double push_pop, remove_push, position;
};

class Bench {
 public:
  Bench(int waiting, int orgs, int pairs) : orgs_(orgs), pairs_(pairs) {
    for (int i = 0; i < waiting; ++i) {
      Waiting one = next();
      ids_.push_back(one.id);
      queue_.push(std::move(one));
    }
  }

  Figures run() {
    Figures figures{};
    std::vector<std::string*> chosen;
    for (int i = 0; i < pairs_; ++i) chosen.push_back(&ids_[random_() % ids_.size()]);
    figures.position = timed([&] {
      for (const std::string* id : chosen) sum_ += queue_.position(*id).value_or(0);
    });
    std::vector<Waiting> fresh = some();
    figures.remove_push = timed([&] {
      for (std::size_t i = 0; i < fresh.size(); ++i) {
        sum_ += queue_.remove(*chosen[i]) ? 1 : 0;
        *chosen[i] = fresh[i].id;
        queue_.push(std::move(fresh[i]));
      }
    });
    fresh = some();
    figures.push_pop = timed([&] {
      for (Waiting& one : fresh) {
        queue_.push(std::move(one));
        sum_ += queue_.pop(Room::any, may_take_)->priority;
      }
    });
    return figures;
  }

 private:
  static double cpu_ns() {
    timespec spent{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return static_cast<double>(spent.tv_sec) * 1e9 + static_cast<double>(spent.tv_nsec);
  }
  template <typename Work>
  double timed(Work work) const {
    const double start = cpu_ns();
    work();
    return (cpu_ns() - start) / pairs_;
  }

  Waiting next() {
    const int number = next_++;
    char id[40];
    std::snprintf(id, sizeof id, "0190a000-0000-7000-8000-%012d", number);
    const auto org = static_cast<int>(random_() % static_cast<unsigned>(orgs_));
    return {id,
            "uid:" + std::to_string(org),
            static_cast<int>(random_() % 10),
            1.0 + static_cast<double>(random_() % 5'000),
            true,
            random_() % 2 == 0 ? Length::short_work : Length::long_work};
  }
  std::vector<Waiting> some() {
    std::vector<Waiting> fresh;
    for (int i = 0; i < pairs_; ++i) fresh.push_back(next());
    return fresh;
  }

  const int orgs_;
  const int pairs_;
  std::mt19937_64 random_{1};
  Queue queue_;
  Queue::MayTake may_take_ = [](const std::string& org) { return !org.empty(); };
  std::vector<std::string> ids_;
  int next_ = 0;
  std::int64_t sum_ = 0;
};

void row(int waiting, int orgs, const Figures& f, const Figures& base) {
  std::printf(
      "%9d waiting, %6d org(s)   push and pop %6.0f (%4.1f)   remove and push %6.0f (%4.1f)   position %6.0f (%5.1f)\n",
      waiting, orgs, f.push_pop, f.push_pop / base.push_pop, f.remove_push, f.remove_push / base.remove_push,
      f.position, f.position / base.position);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const int pairs = argc > 1 ? std::atoi(argv[1]) : 100'000;
  std::printf("ns (times those at 10 waiting)\n");
  const Figures base = Bench(10, 1, pairs).run();
  row(10, 1, base, base);
  for (const int waiting : {1'000, 1'000'000}) row(waiting, 1, Bench(waiting, 1, pairs).run(), base);
  for (const int orgs : {100, 10'000}) row(1'000'000, orgs, Bench(1'000'000, orgs, pairs).run(), base);
  return 0;
}
