"""Receipts: every group of fields, where it is shown, and what it must not show."""

from .mutation import Mutation, story, unit

ATTEMPT = "convd/jobs/attempt_receipt.cc"
RECEIPT = "convd/jobs/receipt.cc"
WHAT_RAN = unit("manager_test", "the receipt says what really ran, also what failed")
STORY = story("test_receipts", "Receipts.test_what_went_in_and_came_out")


def forgotten(what, line, test=WHAT_RAN):
    return Mutation(what, ATTEMPT, f"  {line}\n", "", test)


MUTATIONS = [
    Mutation("engine versions", RECEIPT, "if (state.engine->name() == step.engine) step.version = state.version;", "(void)state;", WHAT_RAN),
    forgotten("route", "for (const RouteStep& step : route) record_.route.push_back({step.engine->name(), step.from, step.to});"),
    forgotten("wall time of a step", "receipt.wall_ms = run.elapsed().count();"),
    forgotten("CPU", "receipt.cpu_ms = exit.user_ms + exit.system_ms;"),
    forgotten("peak RSS", "receipt.peak_rss_bytes = exit.peak_rss_bytes;"),
    forgotten("pages in", "receipt.pages_in = facts.pages;"),
    forgotten("pages out", "receipt.pages_out = facts.pages_out;"),
    forgotten("time of the input check", "record_.attempt.input_check_ms = since(started_);"),
    forgotten("time of publishing", "if (publishing_) record_.attempt.publish_ms = since(*publishing_);"),
    forgotten("how a step ended", "record_.steps.back().outcome = fate;"),
    forgotten("fonts requested", "receipt.fonts_requested = clean(facts.fonts_requested);"),
    Mutation("fonts substituted", ATTEMPT, "if (!font.used.empty()) receipt.fonts_substituted.back().used", "if (false) receipt.fonts_substituted.back().used", WHAT_RAN),
    forgotten("links blocked", "receipt.links_blocked = clean(facts.links_blocked);"),
    forgotten("warnings", "receipt.warnings = clean(facts.warnings);"),
    Mutation("time waited", RECEIPT, "  receipt.timings.waited_ms = between(job.created_ms, job.started_ms);\n", "",
             unit("receipt_test", "a receipt tells times, input, output and route")),
    Mutation("time in all", RECEIPT, "  receipt.timings.total_ms = between(job.created_ms, job.completed_ms);\n", "",
             unit("receipt_test", "a receipt tells times, input, output and route")),
    Mutation("output", RECEIPT, "  if (job.result) receipt.output = output_of(*job.result);\n", "", STORY),
    Mutation("attempts that ended with the daemon", RECEIPT, "    fill(known.attempt);\n", "",
             unit("receipt_test", "attempts that nobody could tell the end of were interrupted")),
    Mutation("a receipt outlives a restart", RECEIPT, "  add_attempt(job.receipt, std::move(record));\n", "", WHAT_RAN),
    Mutation("no secret among fonts", ATTEMPT, "push_back({presentable(font.requested, secrets), {}});", "push_back({font.requested, {}});",
             unit("manager_test", "a receipt holds no password")),
    Mutation("no secret in a receipt", ATTEMPT, "cleaned.push_back(presentable(text, secrets));", "cleaned.push_back(text);",
             unit("manager_test", "a receipt holds no password")),
    Mutation("GET .../receipt", "convd/api/result_routes.cc", "/v1/conversions/{id}/receipt", "/v1/conversions/{id}/no-receipt",
             unit("api_routes_test", "receipt and early page of a conversion")),
    Mutation("convctl status --receipt", "convctl/receipt_text.cc", "      if (step.attempt == attempt.attempt) add_step(lines, step);\n", "      (void)step;\n",
             story("test_receipts", "Receipts.test_convctl_shows_it")),
]
