#include "convd/jobs/queue.h"

#include <algorithm>
#include <vector>

#include "convd/jobs/drain_rate.h"
#include "tests/support/catch.h"

using convd::jobs::DrainRate;
using convd::jobs::Length;
using convd::jobs::Queue;
using convd::jobs::Room;
using convd::jobs::Waiting;

namespace {

void push(Queue& queue, const std::string& id, const std::string& org, int priority = 5, double cost_ms = 100) {
  queue.push({id, org, priority, cost_ms, true});
}

void push_short(Queue& queue, const std::string& id, const std::string& org, int priority = 5) {
  queue.push({id, org, priority, 100, true, Length::short_work});
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

TEST_CASE("a higher priority goes first in its org, and takes no turn of another") {
  Queue queue;
  push(queue, "a1", "a", 5);
  push(queue, "b1", "b", 0);
  push(queue, "a2", "a", 9);
  push(queue, "b2", "b", 9);
  push(queue, "a3", "a", 9);
  CHECK(queue.position("a2") == 1);
  CHECK(queue.position("b2") == 2);
  CHECK(queue.position("a3") == 3);
  CHECK(queue.position("b1") == 4);
  CHECK(queue.position("a1") == 5);
  CHECK(order(queue) == "a2 b2 a3 b1 a1");
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

TEST_CASE("an org that comes late with little work does not make up for what it did not use") {
  Queue queue;
  for (int i = 1; i <= 6; ++i) push(queue, "a" + std::to_string(i), "a", 5, 1000);
  for (int i = 0; i < 3; ++i) (void)queue.pop();
  for (int i = 1; i <= 20; ++i) push(queue, "b" + std::to_string(i), "b", 5, 100);
  int before = 0;
  while (queue.pop()->org == "b") ++before;
  CHECK(before <= 11);  // as much as one turn of the other
}

TEST_CASE("somebody new does not overtake an org whose turn it is") {
  Queue queue;
  for (int i = 1; i <= 3; ++i) push(queue, "a" + std::to_string(i), "a");
  for (int i = 1; i <= 3; ++i) push(queue, "b" + std::to_string(i), "b");
  for (const auto* id : {"a1", "b1", "a2"}) CHECK(queue.pop()->id == id);
  push(queue, "c1", "c");
  CHECK(order(queue) == "b2 c1 a3 b3");
}

TEST_CASE("an org that empties and comes back at once gains no turn by it") {
  Queue queue;
  push(queue, "a1", "a", 5, 1000);
  for (int i = 1; i <= 3; ++i) push(queue, "b" + std::to_string(i), "b", 5, 100);
  CHECK(queue.pop()->id == "a1");
  push(queue, "a2", "a", 5, 1000);
  CHECK(order(queue) == "b1 b2 b3 a2");
}

TEST_CASE("an org that comes back after its debt is served starts where the others are") {
  Queue queue;
  push(queue, "a1", "a", 5, 1000);
  for (int i = 1; i <= 12; ++i) push(queue, "b" + std::to_string(i), "b", 5, 100);
  for (int i = 1; i <= 12; ++i) (void)queue.pop();
  push(queue, "a2", "a", 5, 1000);
  push(queue, "a3", "a", 5, 1000);
  CHECK(order(queue) == "a2 b12 a3");
}

TEST_CASE("service is in proportion to the weights, also when they change") {
  Queue queue;
  queue.set_weight("a", 3);
  for (int i = 1; i <= 8; ++i) push(queue, "a" + std::to_string(i), "a", 5, 300);
  for (int i = 1; i <= 8; ++i) push(queue, "b" + std::to_string(i), "b", 5, 300);
  std::string first;
  for (int i = 0; i < 8; ++i) first += queue.pop()->org;
  CHECK(first == "abaabaaa");
  queue.set_weight("a", 1);
  queue.set_weight("b", 2);
  first.clear();
  for (int i = 0; i < 6; ++i) first += queue.pop()->org;
  CHECK(std::count(first.begin(), first.end(), 'b') == 4);
  // What has no weight of its own weighs 1, also when it comes back.
  queue.set_weight("a", 1);
  CHECK(queue.size() == 2);
}

TEST_CASE("when everything is idle, what was served before counts no more") {
  Queue queue;
  push(queue, "a1", "a", 5, 100'000);
  CHECK(queue.pop()->id == "a1");
  queue.forget_accounts();
  push(queue, "a2", "a");
  push(queue, "b1", "b");
  CHECK(order(queue) == "a2 b1");
}

TEST_CASE("only short work is taken for a short slot, in the same order") {
  Queue queue;
  push(queue, "a1", "a", 9);
  push_short(queue, "a2", "a", 1);
  push_short(queue, "a3", "a", 4);
  push(queue, "b1", "b");
  push_short(queue, "c1", "c");
  CHECK(queue.pop(Room::none) == std::nullopt);
  CHECK(queue.position("a2") == 5);
  CHECK(queue.ahead("a2", Room::short_only)->count == 2);
  CHECK(queue.ahead("c1", Room::short_only)->count == 1);
  CHECK(queue.first_of("a", 2) == std::vector<std::string>{"a1", "a3"});
  CHECK(queue.pop(Room::short_only)->id == "a3");
  CHECK(queue.pop(Room::short_only)->id == "c1");
  CHECK(queue.pop(Room::short_only)->id == "a2");
  CHECK(queue.pop(Room::short_only) == std::nullopt);
  CHECK(order(queue) == "b1 a1");
}

TEST_CASE("an org that may not take another slot is passed over, and saves nothing up by it") {
  Queue queue;
  for (int i = 1; i <= 4; ++i) push(queue, "a" + std::to_string(i), "a");
  for (int i = 1; i <= 9; ++i) push(queue, "b" + std::to_string(i), "b");
  const auto not_a = [](const std::string& org) { return org != "a"; };
  for (int i = 1; i <= 6; ++i) CHECK(queue.pop(Room::any, not_a)->org == "b");
  CHECK(queue.pop(Room::any, [](const std::string&) { return false; }) == std::nullopt);
  CHECK(order(queue) == "a1 b7 a2 b8 a3 b9 a4");
}

TEST_CASE("one that would come now is behind its own, and in its turn between the others") {
  Queue queue;
  for (int i = 1; i <= 4; ++i) push(queue, "a" + std::to_string(i), "a");
  for (int i = 1; i <= 2; ++i) push(queue, "b" + std::to_string(i), "b", 5, 200);
  CHECK(queue.ahead_in("a", 4).count == 6);
  CHECK(queue.ahead_in("a", 4).cost_ms == 800);
  CHECK(queue.ahead_in("a", 1).count == 2);
  CHECK(queue.ahead_in("c", 0).count == 2);
  CHECK(queue.ahead_in("c", 0).cost_ms == 300);
}

TEST_CASE("a queue tells how fast it empties once it has been seen to") {
  DrainRate rate;
  for (int i = 0; i < 3; ++i) rate.freed(i * 500);
  CHECK(rate.ms_each(1000) == std::nullopt);
  rate.freed(1500);
  CHECK(rate.ms_each(1500) == 500);
  CHECK(rate.ms_each(4500) == 1500);  // nothing got free since
  for (int i = 0; i < 100; ++i) rate.freed(5000 + i * 20);
  CHECK(rate.ms_each(5000 + 99 * 20) == 20);
  rate.emptied();
  CHECK(rate.ms_each(8000) == std::nullopt);
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

TEST_CASE("the first ones are those that pop() gives, and stay") {
  std::mt19937 random(7);
  Queue queue;
  for (int i = 0; i < 200; ++i) {
    push(queue, std::to_string(i), std::string(1, static_cast<char>('a' + random() % 5)),
         static_cast<int>(random() % 3), static_cast<double>(random() % 900 + 1));
    if (i % 3 == 0) queue.pop();
  }
  const int size = queue.size();
  const auto first = queue.first(10);
  CHECK(queue.size() == size);
  CHECK(queue.first(1'000).size() == static_cast<std::size_t>(size));
  std::vector<std::string> served;
  for (int i = 0; i < 10; ++i) served.push_back(queue.pop()->id);
  CHECK(first == served);
  CHECK(Queue().first(10).empty());
}
