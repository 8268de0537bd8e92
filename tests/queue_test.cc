#include "convd/jobs/queue.h"

#include <random>
#include <vector>

#include "tests/support/catch.h"

using convd::jobs::Queue;
using convd::jobs::Waiting;

namespace {

void push(Queue& queue, const std::string& id, const std::string& org, int priority = 5, double cost_ms = 100) {
  queue.push({id, org, priority, cost_ms, true});
}

std::string order(Queue& queue) {
  std::string text;
  while (const auto next = queue.pop()) text += (text.empty() ? "" : " ") + next->id;
  return text;
}

}  // namespace

TEST_CASE("one org is served by age") {
  Queue queue;
  for (const auto* id : {"a1", "a2", "a3"}) push(queue, id, "a");
  CHECK(queue.position("a1") == 1);
  CHECK(queue.position("a3") == 3);
  CHECK(queue.position("nobody") == std::nullopt);
  CHECK(order(queue) == "a1 a2 a3");
  CHECK(queue.pop() == std::nullopt);
}

TEST_CASE("a higher priority goes first, whoever asks") {
  Queue queue;
  push(queue, "a1", "a", 5);
  push(queue, "b1", "b", 9);
  push(queue, "a2", "a", 9);
  push(queue, "b2", "b", 0);
  CHECK(queue.position("a1") == 3);
  CHECK(queue.position("b2") == 4);
  CHECK(order(queue) == "b1 a2 a1 b2");
}

TEST_CASE("orgs take turns, however many one of them sends") {
  Queue queue;
  for (int i = 1; i <= 4; ++i) push(queue, "a" + std::to_string(i), "a");
  for (int i = 1; i <= 2; ++i) push(queue, "b" + std::to_string(i), "b");
  CHECK(queue.position("b1") == 2);
  CHECK(queue.position("b2") == 4);
  CHECK(queue.position("a4") == 6);
  CHECK(order(queue) == "a1 b1 a2 b2 a3 a4");
}

TEST_CASE("turns are measured by cost") {
  Queue queue;
  for (int i = 1; i <= 3; ++i) push(queue, "a" + std::to_string(i), "a", 5, 300);
  for (int i = 1; i <= 6; ++i) push(queue, "b" + std::to_string(i), "b", 5, 100);
  CHECK(order(queue) == "a1 b1 b2 b3 a2 b4 b5 b6 a3");
}

TEST_CASE("an org that was idle does not save up turns") {
  Queue queue;
  for (int i = 1; i <= 6; ++i) push(queue, "a" + std::to_string(i), "a");
  for (int i = 0; i < 3; ++i) (void)queue.pop();
  for (int i = 1; i <= 3; ++i) push(queue, "b" + std::to_string(i), "b");
  CHECK(order(queue) == "b1 a4 b2 a5 b3 a6");
}

TEST_CASE("an org that empties and comes back at once gains no turn by it") {
  Queue queue;
  push(queue, "a1", "a", 5, 1000);
  for (int i = 1; i <= 3; ++i) push(queue, "b" + std::to_string(i), "b", 5, 100);
  CHECK(queue.pop()->id == "a1");
  push(queue, "a2", "a", 5, 1000);
  CHECK(order(queue) == "b1 b2 b3 a2");
}

TEST_CASE("what is taken out leaves no trace") {
  Queue queue;
  for (int i = 1; i <= 3; ++i) push(queue, "a" + std::to_string(i), "a");
  CHECK(queue.remove("a2"));
  CHECK_FALSE(queue.remove("a2"));
  CHECK(queue.position("a3") == 2);
  CHECK(queue.size_of("a") == 2);
  CHECK(queue.total_cost_ms() == 200);
  CHECK(order(queue) == "a1 a3");
  CHECK(queue.size_of("a") == 0);
  CHECK(queue.total_cost_ms() == 0);
}

TEST_CASE("a cost that is only guessed is known to be one") {
  Queue queue;
  push(queue, "a1", "a");
  queue.push({"a2", "a", 5, 100, false});
  CHECK_FALSE(queue.all_costs_known());
  queue.remove("a2");
  CHECK(queue.all_costs_known());
}

TEST_CASE("every push is popped once and positions tell the order when costs are equal") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  Queue queue;
  std::vector<std::string> ids;
  for (int i = 0; i < 200; ++i) {
    const std::string id = std::to_string(i);
    push(queue, id, "org" + std::to_string(random() % 4));
    if (random() % 5 == 0) {
      queue.remove(id);
    } else {
      ids.push_back(id);
    }
  }
  std::map<std::int64_t, std::string> told;
  for (const auto& id : ids) told.emplace(queue.position(id).value(), id);
  REQUIRE(told.size() == ids.size());
  for (const auto& [position, id] : told) CHECK(queue.pop()->id == id);
  CHECK(queue.size() == 0);
}
