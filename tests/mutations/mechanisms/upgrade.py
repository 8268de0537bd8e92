"""Upgrade: forward migrations, a newer schema is refused, work under way is kept."""

from .mutation import Mutation, story, unit

SCHEMA = "convd/store/schema.cc"

MUTATIONS = [
    Mutation("migrations go forward", SCHEMA, "version < newest; ++version) {", "version < std::min<std::int64_t>(newest, 1); ++version) {",
             unit("schema_test", "an older file is migrated, and a copy of it is kept")),
    Mutation("a copy is kept", SCHEMA, "  if (found > 0 && found < newest) keep_copy(database, path, found);\n", "",
             unit("schema_test", "an older file is migrated, and a copy of it is kept")),
    Mutation("a step is done or not", SCHEMA, 'if (database.in_transaction()) database.execute("ROLLBACK");\n    throw;',
             'if (database.in_transaction()) database.execute("COMMIT");\n    throw;',
             unit("schema_test", "a step that fails changes nothing")),
    Mutation("a newer schema is refused", SCHEMA, "  if (version > newest) {\n", "  if (false) {\n",
             story("test_upgrade", "Upgrading.test_a_newer_schema_is_refused_and_left_as_it_is")),
    Mutation("another program's file is left alone", SCHEMA, "if (owner != application_id && !(owner == 0 && empty)) {", "if (false) {",
             unit("schema_test", "another program's database is refused and left as it is")),
    Mutation("work under way is kept", "convd/jobs/recovery.cc", "    found->waiting.push_back(*std::move(job));\n", "",
             story("test_upgrade", "Upgrading.test_work_of_every_schema_is_taken_up")),
]
