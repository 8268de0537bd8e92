// Sound and video by ffmpeg. The reader is fixed by our own look at the file, so that a playlist under another name is
// never followed, and only files and pipes may be opened.

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>

#include "convd/engines/builtin.h"
#include "convd/engines/diagnosis.h"
#include "convd/engines/limits.h"
#include "convd/engines/progress.h"

namespace convd::engines {
namespace {

using shared::ErrorCode;
using Words = std::vector<std::string>;

constexpr auto program = "/usr/bin/ffmpeg";

enum class Kind : std::uint8_t { sound, video, picture };

struct Row {
  std::string_view format;
  std::string_view reader;  // -f before -i; empty: not read here
  std::string_view writer;  // -f of the result; empty: not written here
  Kind kind;
};

constexpr std::array<Row, 13> rows{{{"wav", "wav", "wav", Kind::sound},
                                    {"mp3", "mp3", "mp3", Kind::sound},
                                    {"flac", "flac", "flac", Kind::sound},
                                    {"ogg", "ogg", "ogg", Kind::sound},
                                    {"m4a", "mov", "ipod", Kind::sound},
                                    {"mp4", "mov", "mp4", Kind::video},
                                    {"mov", "mov", "mov", Kind::video},
                                    {"webm", "matroska", "webm", Kind::video},
                                    {"mkv", "matroska", "matroska", Kind::video},
                                    {"gif", "", "gif", Kind::video},
                                    {"bmp", "bmp_pipe", "image2", Kind::picture},
                                    {"png", "png_pipe", "image2", Kind::picture},
                                    {"jpg", "", "image2", Kind::picture}}};

const Row& row_of(std::string_view format) {
  return *std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.format == format; });
}

const std::vector<Clue>& clues() {
  static const std::vector<Clue> table{
      {"exceeds specified max pixel count", ErrorCode::input_too_large,
       "the picture has more pixels than it may (input_pixels)"},
      {"Output file does not contain any stream", ErrorCode::input_invalid,
       "the file has no sound or picture of the kind asked for"},
      {"matches no streams", ErrorCode::input_invalid, "the file has no sound or picture of the kind asked for"},
      {"Output file is empty", ErrorCode::input_invalid, "the file has nothing at the place asked for"},
      {"Invalid data found", ErrorCode::input_invalid, "the file is damaged or not of the format its name says"},
      {"moov atom not found", ErrorCode::input_invalid, "the file is damaged or not of the format its name says"},
      {"could not find codec parameters", ErrorCode::input_invalid, "the file is damaged"},
      {"Error opening input", ErrorCode::input_invalid, "the file is damaged"},
      {"Decoder (codec none)", ErrorCode::input_invalid, "the file is in a coding that ffmpeg does not know"},
  };
  return table;
}

const std::string* find(const Task& task, const std::string& name) {
  const auto found = task.options.find(name);
  return found == task.options.end() ? nullptr : &found->second;
}

std::string or_else(const std::string* value, const std::string& fallback) {
  return value ? *value : fallback;
}

void append(Words& words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
}

Words sound_codec(const Task& task) {
  const std::string* bitrate = find(task, "bitrate");
  if (task.to == "wav") return {"-c:a", "pcm_s16le"};
  if (task.to == "flac") return {"-c:a", "flac"};
  if (task.to == "mp3") return {"-c:a", "libmp3lame", "-b:a", or_else(bitrate, "192") + "k"};
  if (task.to == "ogg") return {"-c:a", "libvorbis", "-b:a", or_else(bitrate, "160") + "k"};
  if (task.to == "webm") return {"-c:a", "libopus", "-b:a", or_else(bitrate, "128") + "k"};
  return {"-c:a", "aac", "-b:a", or_else(bitrate, "160") + "k"};
}

std::string scale(const Task& task) {
  const std::string* width = find(task, "width");
  return "scale=" + (width ? *width : std::string("iw")) + ":-2";
}

Words video_words(const Task& task) {
  // Most players want even sizes and 4:2:0.
  const std::string filter = scale(task) + ",pad=ceil(iw/2)*2:ceil(ih/2)*2";
  Words words{"-map", "0:v:0", "-map", "0:a:0?", "-vf", filter, "-pix_fmt", "yuv420p"};
  if (task.to == "webm") {
    append(words,
           {"-c:v", "libvpx-vp9", "-crf", "33", "-b:v", "0", "-deadline", "good", "-cpu-used", "5", "-row-mt", "1"});
  } else {
    append(words, {"-c:v", "libx264", "-preset", "veryfast", "-crf", "23"});
  }
  append(words, sound_codec(task));
  if (task.to == "mp4" || task.to == "mov") append(words, {"-movflags", "+faststart"});
  return words;
}

// A palette of its own for every frame keeps the memory constant however long the film is.
Words gif_words(const Task& task) {
  const std::string size = find(task, "width") ? scale(task) : "scale='min(480,iw)':-2";
  return {"-map", "0:v:0", "-an", "-vf",
          "fps=" + or_else(find(task, "fps"), "10") + "," + size +
              ":flags=lanczos,split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1"};
}

Words frame_words(const Task& task) {
  Words words{"-map", "0:v:0", "-an", "-frames:v", "1"};
  if (find(task, "width")) append(words, {"-vf", scale(task)});
  append(words, {"-update", "1"});
  return words;
}

Words target_words(const Task& task) {
  const Kind kind = row_of(task.to).kind;
  if (task.to == "gif") return gif_words(task);
  if (kind == Kind::picture) return frame_words(task);
  if (kind == Kind::video) return video_words(task);
  Words words{"-map", "0:a:0", "-vn"};
  append(words, sound_codec(task));
  return words;
}

// "1.500" for 1500.
std::string seconds(const std::string& ms) {
  const std::string padded = ms.size() < 4 ? std::string(4 - ms.size(), '0') + ms : ms;
  return padded.substr(0, padded.size() - 3) + "." + padded.substr(padded.size() - 3);
}

// One more second is read than is allowed, so that it shows.
Words input_limits(const Task& task) {
  Words words;
  const auto& [pixels, duration_ms] = std::pair(task.input_limits.input_pixels, task.input_limits.input_duration_ms);
  if (pixels > 0) append(words, {"-max_pixels", std::to_string(std::min<std::int64_t>(pixels, INT_MAX))});
  if (duration_ms > 0) append(words, {"-t", seconds(std::to_string(duration_ms + 1000))});
  return words;
}

// The last "out_time_us=" that ffmpeg has told.
std::int64_t last_time_ms(std::string_view told) {
  constexpr std::string_view key = "out_time_us=";
  const auto at = told.rfind(key);
  std::int64_t us = 0;
  if (at != std::string_view::npos) std::from_chars(told.data() + at + key.size(), told.data() + told.size(), us);
  return us / 1000;
}

bool offered(const Row& from, const Row& to) {
  if (from.reader.empty() || to.writer.empty()) return false;
  if (from.format == to.format) return from.format == "mp3";  // another bit rate
  // Pictures are libvips' work, except BMP, which it reads only by way of ImageMagick.
  if (from.kind == Kind::picture) return to.kind == Kind::picture && (from.format == "bmp" || to.format == "bmp");
  if (from.kind == Kind::sound) return to.kind == Kind::sound;
  return to.format != "bmp";
}

class Ffmpeg final : public Engine {
 public:
  std::string name() const override { return "ffmpeg"; }
  std::string title() const override { return "ffmpeg"; }
  std::string package() const override { return "ffmpeg"; }
  std::vector<std::string> programs() const override { return {program}; }
  std::vector<std::string> version_command() const override { return {program, "-hide_banner", "-version"}; }
  std::string read_version(std::string_view printed) const override { return version_after(printed, "ffmpeg version"); }

  std::vector<Edge> edges() const override {
    std::vector<Edge> edges;
    for (const Row& from : rows) {
      for (const Row& to : rows) {
        if (!offered(from, to)) continue;
        if (to.format == "gif") {
          edges.push_back({std::string(from.format), "gif", 500, 80});
          continue;
        }
        const int cost = to.kind == Kind::video ? 20'000 : to.kind == Kind::sound ? 1'000 : 150;
        edges.push_back({std::string(from.format), std::string(to.format), cost, 85});
      }
    }
    return edges;
  }
  std::vector<OptionSpec> options() const override {
    const std::vector<std::string> sized{"mp4", "mov", "webm", "mkv", "gif", "png", "jpg"};
    return {{"bitrate",
             OptionType::integer,
             16,
             512,
             {},
             "",
             "of the sound, in kbit/s",
             {"mp3", "ogg", "m4a", "mp4", "mov", "webm", "mkv"}},
            {"width", OptionType::integer, 16, 7680, {}, "", "width in pixels; the height follows", sized},
            {"fps", OptionType::integer, 1, 50, {}, "10", "frames per second", {"gif"}},
            {"at_ms",
             OptionType::integer,
             0,
             86'400'000,
             {},
             "0",
             "where in the film the picture is taken",
             {"png", "jpg"}}};
  }

  shared::Result<Command> command(const Task& task) const override {
    Command command;
    command.outputs = task.stem + "." + task.to;
    command.argv = {program, "-hide_banner", "-nostdin", "-nostats", "-progress", "pipe:1", "-stats_period", "0.2"};
    if (const std::string* at = find(task, "at_ms")) append(command.argv, {"-ss", seconds(*at)});
    const std::string reader(row_of(task.from).reader);
    append(command.argv, input_limits(task));
    // Neither another reader within this one, nor anything but a file.
    append(command.argv,
           {"-protocol_whitelist", "file,pipe", "-format_whitelist", reader, "-f", reader, "-i", task.input});
    append(command.argv, {"-sn", "-dn"});
    append(command.argv, target_words(task));
    append(command.argv, {"-f", std::string(row_of(task.to).writer), "-y", "/out/" + command.outputs});
    command.family = process::Family::media;
    command.limits.memory_bytes = 2 * gibibyte;
    command.limits.cpu_ms = 60 * minute_ms;
    command.limits.file_bytes = 2 * gibibyte;
    command.limits.processes = 64;
    command.limits.open_files = 256;
    command.limits.tmp_bytes = 256 * mebibyte;
    command.progress = make_ffmpeg_progress;
    return command;
  }
  std::optional<shared::Error> diagnose(const Task& task, const Ended& ended) const override {
    const std::int64_t most_ms = task.input_limits.input_duration_ms;
    if (most_ms > 0 && last_time_ms(ended.out_tail) > most_ms) {
      return shared::Error{ErrorCode::input_too_large,
                           "The sound or film is longer than " + std::to_string(most_ms / 1000) + " s (input_duration)",
                           {}};
    }
    // Its standard output is progress, nothing for people.
    return diagnose_run(title(), Trust::status_and_output, clues(), {ended.exit, {}, ended.err_tail, ended.has_output});
  }
};

}  // namespace

std::unique_ptr<Engine> make_ffmpeg() {
  return std::make_unique<Ffmpeg>();
}

}  // namespace convd::engines
