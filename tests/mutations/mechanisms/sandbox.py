"""The sandbox: its walls, what system calls and resources are left, how engines are told to read, and the look before they do."""

from .mutation import Mutation, runner_unit, unit

BUBBLEWRAP = "convd/process/sandbox.cc"
SECCOMP = "convd/process/seccomp_filter.cc"
RLIMITS = "convd/process/child_setup.cc"
WARM = "convd/office/confine.cc"
WORKSPACE = "convd/runner/workspace.cc"
PROFILE = "convd/engines/libreoffice_profile.cc"
PANDOC = "convd/engines/pandoc.cc"
VIPS = "convd/engines/vips.cc"
FFMPEG = "convd/engines/ffmpeg.cc"
INSPECTION = "convd/inspect/inspection.cc"
ARCHIVE = "convd/inspect/archive.cc"
DIRECTORY = "convd/inspect/directory.cc"
PROLOG = "convd/inspect/prolog.cc"
ATTEMPT = "convd/jobs/attempt.cc"

COMMAND = unit("sandbox_test", "a conversion as a command of bubblewrap")
WITHIN = unit("sandbox_test", "a document is looked at in front of its program, within all limits")
HOST = runner_unit("nothing of the host can be reached by its name or its number")
CALLS = runner_unit("system calls that lead out of a sandbox are refused to every family")
ALONE = runner_unit("programs that work alone get no socket and no other process")
NOWHERE = unit("office_confine_test", "a child that has been taken over gets nowhere")
STRIKE = runner_unit("limits strike")
OUTPUTS = unit("workspace_test", "only plain files of one name can be opened")
DEPTH = unit("workspace_test", "output is counted at every depth")
FAMILIES = unit("engines_test", "programs that work alone say so")
MACROS = unit("engines_test", "LibreOffice runs without macros, links and a profile of its own making")
LINKS = unit("engines_test", "LibreOffice loads nothing that a document names")
READS = unit("engines_test", "pandoc reads in its own sandbox wherever it can")
UNTRUSTED = unit("engines_test", "libvips turns pictures upright, fits them, and keeps untrusted loaders off")
MAGICK = unit("engines_test", "should ImageMagick be reached, it may do nothing")
FILES_ONLY = unit("engines_test", "ffmpeg reads with the reader of the format only, and opens files only")
LIES = unit("inspect_test", "an archive that lies about itself is damaged")
CLIMBS = unit("inspect_test", "names that lead out of an archive, and links, are refused")
BOMBS = unit("inspect_test", "bombs are told by the limit they exceed")
XML = unit("inspect_test", "XML within a document may declare nothing that loads or grows")
BEGINS = unit("inspect_test", "what may stand before the first element")
KINDS = unit("inspect_test", "pictures and drawings are held to the rules of their kind")
LOCKED = unit("inspect_test", "an encrypted OpenDocument file says so in its manifest")
IN_PLACE = unit("inspect_test", "a document is looked at where it lies")
CONTENT = unit("manager_test", "what is wrong with the content is found by the job and ends it")


def without_word(name, word, test=COMMAND):
    return Mutation(name, BUBBLEWRAP, word, "", test)


def allowed(call, test=CALLS):
    return Mutation(f"no {call}()", SECCOMP, f"SCMP_SYS({call}),", "", test)


def setting(key, value, other, test):
    """`key` is the end of its node and its name."""
    text = '", "'.join(key.rsplit(".", 1)) + '", "'
    return Mutation(f"LibreOffice: {key}", PROFILE, f'{text}{value}"', f'{text}{other}"', test)


def unlooked(name, file, condition, test):
    return Mutation(name, file, f"if ({condition})", "if (false)", test)


MUTATIONS = [
    # Walls.
    without_word("no network", '"--unshare-net", ', HOST),
    without_word("no user namespace within", '"--disable-userns", '),
    without_word("no process of others", '"--unshare-pid", '),
    without_word("no shared memory of others", '"--unshare-ipc", '),
    without_word("no capability", '"--cap-drop", "ALL", '),
    without_word("no terminal", '"--new-session", '),
    without_word("nobody outlives the runner", '"--die-with-parent", '),
    without_word("no environment of the daemon", '  command.add("--clearenv");\n'),
    without_word("/ is read-only", '"--remount-ro", "/", '),
    Mutation("inputs are read-only", BUBBLEWRAP, '"--ro-bind", parts.input,', '"--bind", parts.input,', COMMAND),
    Mutation("/tmp has its size", BUBBLEWRAP, "spec.limits.tmp_bytes > 0 ? spec.limits.tmp_bytes :",
             "spec.limits.tmp_bytes < 0 ? spec.limits.tmp_bytes :", COMMAND),
    Mutation("no secrets of the system", BUBBLEWRAP, '"/usr",       "/etc/ld.so.cache",', '"/usr", "/etc", "/etc/ld.so.cache",',
             unit("sandbox_test", "the system that children see holds no secret")),
    Mutation("each child has a user of its own", "convd/runner/child.cc", "job_uid_base + static_cast<uid_t>(slot_);", "job_uid_base;",
             runner_unit("as root every child has a user of its own")),
    Mutation("a sandbox that does not hold starts nothing", "convd/process/runner_client.cc",
             "if (!state_.connected || !state_.problem.empty()) {",
             "if (!state_.connected) {", unit("runner_socket_test", "a runner whose sandbox does not hold starts nothing")),
    # System calls. Those that the walls refuse as well are not here: nothing can tell.
    *(allowed(call) for call in ("ptrace", "process_vm_readv", "unshare", "personality", "io_setup")),
    Mutation("no clone3()", SECCOMP, "  failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);\n", "", CALLS),
    Mutation("sockets of this machine only", SECCOMP,
             "SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX)", "SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_MAX)", CALLS),
    Mutation("no socket for who works alone", SECCOMP,
             "return failed | seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 0);", "return failed;", ALONE),
    Mutation("no process for who works alone", SECCOMP, "SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)",
             "SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)", ALONE),
    *(allowed(call, ALONE) for call in ("socketpair", "shmget", "msgget", "execveat")),
    Mutation("pictures are work for one alone", SECCOMP, " || family == Family::image ||", " ||", ALONE),
    Mutation("each family has its filter", "convd/runner/sandboxed.cc", "confinement.seccomp_of(spec.family)",
             "confinement.seccomp_of(process::Family::described)", ALONE),
    Mutation("pandoc works alone", PANDOC, "    command.family = process::Family::markup;\n", "", FAMILIES),
    Mutation("ffmpeg works alone", FFMPEG, "    command.family = process::Family::media;\n", "", FAMILIES),
    # A child of the warm LibreOffice, where the kernel has Landlock.
    Mutation("a warm child has its own files only", WARM, '  if (!rules.enforce()) return failure("Landlock");\n', "", NOWHERE),
    Mutation("a warm child has few calls", WARM, "  return close_calls(processes);", "  return {};", NOWHERE),
    Mutation("a warm child has few processes", WARM, "if (!limit_processes()) return", "if (false) return",
             unit("office_confine_test", "processes that make processes come to an end")),
    # Resources.
    Mutation("open files", RLIMITS, "  ok = limit(RLIMIT_NOFILE, limits.open_files > 0 ? limits.open_files : default_open_files) && ok;\n",
             "", STRIKE),
    Mutation("the size of a file", RLIMITS, "  if (limits.file_bytes > 0) ok = limit(RLIMIT_FSIZE, limits.file_bytes) && ok;\n", "",
             STRIKE),
    Mutation("CPU time", RLIMITS, "  if (cpu_s > 0) ok = limit(RLIMIT_CPU, cpu_s, cpu_s + 2) && ok;\n", "", STRIKE),
    Mutation("address space", RLIMITS, "  if (limits.address_space_bytes > 0) ok = limit(RLIMIT_AS, limits.address_space_bytes) && ok;\n",
             "", STRIKE),
    Mutation("processes", BUBBLEWRAP, "  if (parts.wrapper_processes > 0) command.add(", "  if (false) command.add(",
             unit("sandbox_test", "a process limit that has to be set inside wraps the program")),
    Mutation("an engine has its limits", FFMPEG, "    command.limits.cpu_ms = 60 * minute_ms;\n", "",
             unit("engines_test", "every edge has a bounded command that stays in its sandbox")),
    # What a child leaves.
    Mutation("an output has one name", WORKSPACE, "if (!file || fstat(file.get(), &found) != 0 || !is_deliverable(found)) return",
             "if (!file || fstat(file.get(), &found) != 0) return", OUTPUTS),
    Mutation("no link is followed to an output", WORKSPACE,
             "  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;\n", "", OUTPUTS,
             also=(("how.flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;", "how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;"),)),
    Mutation("an output is beneath", WORKSPACE, "  if (!is_sane(name)) return refused;\n", "", OUTPUTS),
    Mutation("output is counted in directories", WORKSPACE,
             "      count(open_directory(directory.get(), name.c_str()), most, depth + 1, bill);\n",
             "      continue;\n", DEPTH),
    Mutation("a tree without end is too much output", WORKSPACE, "if (depth > most_depth || (!directory && errno == EACCES))",
             "if (!directory && errno == EACCES)", DEPTH),
    Mutation("a result has its size", "convd/store/file_io.cc", "if (size_bytes > most_bytes) {", "if (false) {",
             unit("files_test", "a result over the limit is refused and nothing of it stays")),
    Mutation("no link is followed to a result", "convd/store/files.cc", "O_RDONLY | O_CLOEXEC | O_NOFOLLOW", "O_RDONLY | O_CLOEXEC",
             unit("files_test", "only a regular file can be a result, and a link is not followed")),
    # How engines are told to read.
    setting("Scripting.BlockUntrustedRefererLinks", "true", "false", MACROS),
    setting("Scripting.DisableMacrosExecution", "true", "false", MACROS),
    setting("Scripting.MacroSecurityLevel", "3", "0", MACROS),
    setting("Scripting.DisableActiveContent", "true", "false", LINKS),
    setting("Writer/Content/Update.Link", "0", "2", LINKS),
    setting("Calc/Content/Update.Link", "1", "0", LINKS),
    setting("Java/VirtualMachine.Enable", "false", "true", LINKS),
    Mutation("LibreOffice: no document changes the settings", PROFILE, "user:*file://", "user:file://", MACROS),
    Mutation("pandoc: --sandbox", PANDOC, '    if (!is_container(task.to)) command.argv.emplace_back("--sandbox");\n', "", READS),
    Mutation("pandoc: no picture from elsewhere, by filter", PANDOC, "} else if (is_container(task.to) || holds_pictures) {",
             "} else if (false) {", READS),
    Mutation("pandoc: no picture from elsewhere, by reader", PANDOC, "reads_by_script ? script_path : reader,", "reader,", READS),
    Mutation("pandoc: what includes is read in the sandbox only", PANDOC, "  return from.reach == Reach::itself;\n}", "  return true;\n}",
             unit("engines_test", "pandoc never reads a format with includes outside its sandbox")),
    Mutation("libvips: VIPS_BLOCK_UNTRUSTED", VIPS, '{"VIPS_BLOCK_UNTRUSTED", "1"}, ', "", UNTRUSTED),
    Mutation("ImageMagick: a policy of our own", VIPS,
             '    command.files = {{"/etc/ImageMagick-6/policy.xml", std::string(magick_policy)}};\n', "", MAGICK),
    Mutation("ImageMagick: no coder", VIPS, 'domain=\\"coder\\" rights=\\"none\\"', 'domain=\\"coder\\" rights=\\"read\\"', MAGICK),
    Mutation("ffmpeg: files only", FFMPEG, '"-protocol_whitelist", "file,pipe", ', "", FILES_ONLY),
    Mutation("ffmpeg: no other reader within", FFMPEG, '"-format_whitelist", reader, ', "", FILES_ONLY),
    Mutation("ffmpeg: the reader of the format", FFMPEG, 'reader, "-f", reader, "-i", task.input', 'reader, "-i", task.input', FILES_ONLY),
    Mutation("ffmpeg: pixels", FFMPEG, "  if (pixels > 0) append(", "  if (false) append(", FILES_ONLY),
    Mutation("ffmpeg: duration", FFMPEG, "  if (duration_ms > 0) append(", "  if (false) append(", FILES_ONLY),
    Mutation("a sound that is too long", FFMPEG, "if (most_ms > 0 && last_time_ms(ended.out_tail) > most_ms) {", "if (false) {",
             unit("engines_test", "a sound that is longer than it may be is refused, not cut")),
    # The look before they do.
    without_word("convd-inspect in front of an engine",
                 "  if (!spec.inspection.empty()) command.add(parts.inspector, spec.inspection, input_path(spec));\n", WITHIN),
    Mutation("convd-inspect without a sandbox", "convd/runner/unconfined.cc", "  if (!spec.inspection.empty()) how.argv =",
             "  if (false) how.argv =",
             runner_unit("a document is looked at before its engine runs, in the sandbox and without one")),
    Mutation("a job has its document looked at", ATTEMPT, "  spec.inspection = inspection();\n", "", CONTENT),
    Mutation("why a document was refused", ATTEMPT, "if (auto refused = inspect::refusal_in(run_->err_tail())) return refused;",
             "(void)exit;", CONTENT),
    Mutation("the type of a document", INSPECTION, "  if (auto error = check_type(file.bytes(), inspection)) return error;\n", "",
             IN_PLACE),
    Mutation("pixels of a picture", INSPECTION, "if (!pixels || limits.input_pixels == 0 ||", "if (true || limits.input_pixels == 0 ||",
             KINDS),
    Mutation("entities of a drawing", INSPECTION, "if (auto danger = danger_in_prolog(file, Doctype::harmless_allowed))",
             "if (auto danger = std::optional<std::string>())", KINDS),
    unlooked("parts of an archive", DIRECTORY, "most > 0 && where->count > most", BOMBS),
    unlooked("parts over each other", DIRECTORY, "overlap(entries)", LIES),
    unlooked("names that lead out of an archive", DIRECTORY, "climbs(entry.name)", CLIMBS),
    unlooked("links in an archive", DIRECTORY, "is_link(record)", CLIMBS),
    unlooked("a part with two names", DIRECTORY, "archive.substr(entry.start + local_size, local_name) != entry.name", LIES),
    unlooked("the size of an archive", ARCHIVE, "most > 0 && unpacked > most", BOMBS),
    unlooked("the ratio of an archive", ARCHIVE, "ratio > 0 && unpacked > ratio_counts_from && unpacked / ratio > packed", BOMBS),
    unlooked("parts larger than they say", ARCHIVE, "!part.whole", LIES),
    unlooked("pixels within a document", ARCHIVE, "pixels && most > 0 && *pixels > most",
             unit("inspect_test", "a picture within a document is held to the limit of pixels")),
    Mutation("a document that is encrypted", ARCHIVE, 'part.head.find("encryption-data") != std::string::npos', "false", LOCKED),
    unlooked("a DOCTYPE where none may be", PROLOG, "doctype == Doctype::refused", XML),
    unlooked("entities that load or grow", PROLOG, "!is_harmless_doctype(walk)", BEGINS),
    unlooked("a prolog without end", PROLOG, "walk.at_end() && head.size() >= prolog_bytes", BEGINS),
]
