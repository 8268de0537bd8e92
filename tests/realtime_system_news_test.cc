#include "convd/realtime/system_news.h"

#include "tests/support/catch.h"
#include "tests/support/fake_sink.h"

TEST_CASE("every org that listens hears of the daemon, and nobody else") {
  tests::FakeSink sink;
  convd::realtime::SystemNews news(sink);
  news.reloaded("the configuration was read again");
  CHECK(sink.take().empty());
  sink.heard = {{"a", shared::Service::system}, {"b", shared::Service::system}, {"c", shared::Service::queue}};
  news.reloaded("the configuration was read again");
  news.draining("convd is leaving");
  CHECK(sink.take() == std::vector<std::string>{
                           R"(a system system.reloaded configuration {"message":"the configuration was read again"})",
                           R"(b system system.reloaded configuration {"message":"the configuration was read again"})",
                           R"(a system system.draining convd {"message":"convd is leaving"})",
                           R"(b system system.draining convd {"message":"convd is leaving"})"});
}

TEST_CASE("what operators ask for is told") {
  tests::FakeSink sink;
  convd::realtime::SystemNews news(sink);
  sink.heard = {{"a", shared::Service::system}};
  news.paused("1");
  news.drained("2");
  news.resumed("3");
  CHECK(sink.take() == std::vector<std::string>{R"(a system system.paused convd {"message":"1"})",
                                                R"(a system system.drained convd {"message":"2"})",
                                                R"(a system system.resumed convd {"message":"3"})"});
}
