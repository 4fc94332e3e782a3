#include "options.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <set>

#include "error.h"

namespace mobileseg_bench {
namespace {

constexpr std::int64_t kMaxInputElements = std::int64_t{1} << 28;
constexpr int kMaxCount = 10'000'000;
constexpr int kMaxThreads = 256;
constexpr int kMaxSide = 1 << 15;
constexpr int kMaxPixels = 1 << 30;
constexpr double kMaxSeconds = 86400;
constexpr double kMaxValue = 1e6;

[[noreturn]] void Refuse(const std::string& flag, const std::string& wanted, const std::string& given) {
  throw BadInput(flag + " must be " + wanted + ", not '" + given + "'");
}

std::int64_t WholeNumber(const std::string& flag, const std::string& text, std::int64_t low, std::int64_t high) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  errno = 0;
  const long long value = digits ? std::strtoll(text.c_str(), nullptr, 10) : -1;
  if (!digits || errno != 0 || value < low || value > high)
    Refuse(flag, "whole numbers from " + std::to_string(low) + " to " + std::to_string(high), text);
  return value;
}

double Real(const std::string& flag, const std::string& text, double low, double high, const std::string& wanted) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  // The comparison is written so that NaN fails it.
  if (text.empty() || *end != '\0' || !(value >= low && value <= high)) Refuse(flag, wanted, text);
  return value;
}

double Seconds(const std::string& flag, const std::string& text) {
  return Real(flag, text, 0, kMaxSeconds, "seconds from 0 to 86400");
}

std::vector<std::string> Words(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    words.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return words;
}

// "1,3,512,512"; `count` 0 allows any number of them.
template <typename T>
std::vector<T> Numbers(const std::string& flag, const std::string& text, std::size_t count, std::int64_t low,
                       std::int64_t high) {
  std::vector<T> values;
  for (const std::string& word : Words(text)) values.push_back(static_cast<T>(WholeNumber(flag, word, low, high)));
  if (count != 0 && values.size() != count) Refuse(flag, std::to_string(count) + " numbers with commas", text);
  return values;
}

// Three numbers, one a channel.
void SetChannels(float* channels, const std::string& flag, const std::string& text) {
  const std::vector<std::string> words = Words(text);
  if (words.size() != 3) Refuse(flag, "3 numbers with commas", text);
  for (int i = 0; i < 3; ++i)
    channels[i] = static_cast<float>(Real(flag, words[i], -kMaxValue, kMaxValue, "3 numbers with commas"));
}

std::string OneOf(const std::string& flag, const std::string& text, const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
    std::string list;
    for (const auto& choice : choices) list += (list.empty() ? "" : ", ") + choice;
    Refuse(flag, "one of " + list, text);
  }
  return text;
}

// The place of `text` among `choices`, as the value of an enumeration that has them in this order.
template <typename Enum>
Enum Choice(const std::string& flag, const std::string& text, const std::vector<std::string>& choices) {
  OneOf(flag, text, choices);
  return static_cast<Enum>(std::find(choices.begin(), choices.end(), text) - choices.begin());
}

struct Flag {
  const char* name;
  const char* value;  // nullptr: it takes none
  const char* help;
  bool repeatable;
  std::function<void(Options&, const std::string& flag, const std::string& value)> set;
};

using O = Options;
using S = const std::string&;

// What `input.preprocessing` of the .nb.json says; the names are those there.
const std::vector<Flag>& ImageFlags() {
  static const std::vector<Flag> flags = {
      {"--image-size", "H,W", "height and width of the images; once for all, or once for each", true,
       [](O& o, S f, S v) {
         const std::vector<int> size = Numbers<int>(f, v, 2, 1, kMaxSide);
         o.image_sizes.push_back({size[0], size[1]});
       }},
      {"--mean", "R,G,B", "subtracted from pixel / 255", false,
       [](O& o, S f, S v) { SetChannels(o.preprocessing.mean, f, v); }},
      {"--std", "R,G,B", "what that is divided by", false,
       [](O& o, S f, S v) { SetChannels(o.preprocessing.std, f, v); }},
      {"--resize", "MODE", "stretch, keep_ratio, short_side, limit_long, factor or none (stretch)", false,
       [](O& o, S f, S v) {
         o.preprocessing.resize = Choice<mobileseg::Resize>(
             f, v, {"stretch", "keep_ratio", "short_side", "limit_long", "factor", "none"});
       }},
      {"--interpolation", "HOW", "LINEAR or NEAREST (LINEAR)", false,
       [](O& o, S f, S v) {
         o.preprocessing.interpolation = Choice<mobileseg::Interpolation>(f, v, {"LINEAR", "NEAREST"});
       }},
      {"--long-side", "PIXELS", "of keep_ratio, short_side and limit_long", false,
       [](O& o, S f, S v) { o.preprocessing.long_side = static_cast<int>(WholeNumber(f, v, 1, kMaxPixels)); }},
      {"--short-side", "PIXELS", "of keep_ratio and short_side", false,
       [](O& o, S f, S v) { o.preprocessing.short_side = static_cast<int>(WholeNumber(f, v, 1, kMaxPixels)); }},
      {"--min-long-side", "PIXELS", "of limit_long", false,
       [](O& o, S f, S v) { o.preprocessing.min_long_side = static_cast<int>(WholeNumber(f, v, 1, kMaxPixels)); }},
      {"--size-divisor", "PIXELS", "of keep_ratio", false,
       [](O& o, S f, S v) { o.preprocessing.size_divisor = static_cast<int>(WholeNumber(f, v, 1, kMaxSide)); }},
      {"--factor", "NUMBER", "of factor", false,
       [](O& o, S f, S v) { o.preprocessing.factor = Real(f, v, 1e-6, kMaxValue, "a number above 0"); }},
      {"--padding-value", "NUMBER", "what is put around an image that does not fill the input (127.5)", false,
       [](O& o, S f, S v) {
         o.preprocessing.padding_value = static_cast<float>(Real(f, v, -kMaxValue, kMaxValue, "a number"));
       }},
      {"--padding-normalized", nullptr, "it is an element of the input, not a pixel", false,
       [](O& o, S, S) { o.preprocessing.padding_normalized = true; }},
      {"--channel-order", "ORDER", "of the input: RGB or BGR (RGB)", false,
       [](O& o, S f, S v) {
         o.preprocessing.channel_order = Choice<mobileseg::ChannelOrder>(f, v, {"RGB", "BGR"});
       }},
  };
  return flags;
}

const std::vector<Flag>& RunFlags() {
  static const std::vector<Flag> flags = {
      {"--model", "FILE.nb", "the converted model", false, [](O& o, S, S v) { o.model = v; }},
      {"--input-shape", "N,C,H,W", "shape of its input", false,
       [](O& o, S f, S v) { o.input_shape = Numbers<std::int64_t>(f, v, 4, 1, kMaxSide); }},
      {"--input", "FILE.f32", "raw little-endian float32 of that shape; repeat it, they take turns", true,
       [](O& o, S, S v) { o.inputs.push_back(v); }},
      {"--image", "FILE.rgb", "instead: raw uint8 RGB of any size, prepared before anything is timed; repeat it", true,
       [](O& o, S, S v) { o.images.push_back(v); }},
      {"--warmup", "COUNT", "runs before those that count (20)", false,
       [](O& o, S f, S v) { o.warmup = static_cast<int>(WholeNumber(f, v, 0, kMaxCount)); }},
      {"--warmup-seconds", "SECONDS", "go on warming up for at least so long (0)", false,
       [](O& o, S f, S v) { o.warmup_seconds = Seconds(f, v); }},
      {"--repeats", "COUNT", "runs that count, at least (50); 0 runs every input once and times no more", false,
       [](O& o, S f, S v) { o.repeats = static_cast<int>(WholeNumber(f, v, 0, kMaxCount)); }},
      {"--min-seconds", "SECONDS", "go on counting for at least so long (0)", false,
       [](O& o, S f, S v) { o.min_seconds = Seconds(f, v); }},
      {"--threads", "COUNT", "of the network and of the label map (1)", false,
       [](O& o, S f, S v) { o.threads = static_cast<int>(WholeNumber(f, v, 1, kMaxThreads)); }},
      {"--power-mode", "MODE", "high, low, full, no_bind, rand_high or rand_low (high; no_bind with --cores)", false,
       [](O& o, S f, S v) { o.power_mode = OneOf(f, v, {"high", "low", "full", "no_bind", "rand_high", "rand_low"}); }},
      {"--cores", "4,5", "run on these cores only", false,
       [](O& o, S f, S v) { o.cores = Numbers<int>(f, v, 0, 0, 1023); }},
      {"--labels", "HOW", "exact (from logits, by the label core), graph (the network gives labels) or none (none)",
       false, [](O& o, S f, S v) { o.labels = OneOf(f, v, {"exact", "graph", "none"}); }},
      {"--label-size", "H,W", "size of the exact label map", false,
       [](O& o, S f, S v) { o.label_size = Numbers<int>(f, v, 2, 1, kMaxSide); }},
      {"--align-corners", nullptr, "how the exact label map interpolates", false,
       [](O& o, S, S) { o.align_corners = true; }},
      {"--output", "FILE", "write the result here; as many as inputs, in their order", true,
       [](O& o, S, S v) { o.outputs.push_back(v); }},
      {"--write", "WHAT", "labels (uint8 up to 256 classes, else uint16 or int32; int32 from the graph), tensor (the "
       "raw output) or input (what the network was fed with, float32); labels if there are any", false,
       [](O& o, S f, S v) { o.write = OneOf(f, v, {"labels", "tensor", "input"}); }},
  };
  return flags;
}

const Flag* Find(const std::string& name) {
  for (const auto* flags : {&RunFlags(), &ImageFlags()})
    for (const Flag& flag : *flags)
      if (name == flag.name) return &flag;
  return nullptr;
}

void CompleteImages(Options& options, const std::set<std::string>& given) {
  if (options.images.empty()) {
    for (const Flag& flag : ImageFlags())
      if (given.count(flag.name)) throw BadInput(std::string(flag.name) + " belongs to --image");
    return;
  }
  if (!options.inputs.empty()) throw BadInput("--input and --image cannot be combined: omit one of the two");
  for (const char* name : {"--image-size", "--mean", "--std"})
    if (!given.count(name)) throw BadInput(std::string("--image needs ") + name + ", as the model's .nb.json has it");
  if (options.image_sizes.size() != 1 && options.image_sizes.size() != options.images.size())
    throw BadInput("--image-size must be given once, or as often as --image: " + std::to_string(options.images.size()) +
                   ", not " + std::to_string(options.image_sizes.size()) + " times");
  if (options.input_shape[1] != 3) throw BadInput("--image needs an --input-shape of 3 channels");
  options.preprocessing.height = static_cast<int>(options.input_shape[2]);
  options.preprocessing.width = static_cast<int>(options.input_shape[3]);
  if (!mobileseg::IsComplete(options.preprocessing))
    throw BadInput("--std holds a 0, or --resize lacks the --long-side, --short-side or --factor that it needs");
}

std::string Lines(const std::vector<Flag>& flags) {
  std::string text;
  for (const Flag& flag : flags) {
    std::string head = std::string("  ") + flag.name + (flag.value ? std::string(" ") + flag.value : "");
    head.resize(std::max<std::size_t>(head.size() + 1, 26), ' ');
    text += head + flag.help + "\n";
  }
  return text;
}

void Complete(Options& options, const std::set<std::string>& given) {
  if (options.model.empty()) throw BadInput("--model is missing; it names the .nb file to run");
  if (options.input_shape.empty()) throw BadInput("--input-shape is missing, for example --input-shape 1,3,512,512");
  if (options.InputElements() > kMaxInputElements) throw BadInput("--input-shape holds more than 2^28 elements");
  if (options.Files().empty())
    throw BadInput("--input is missing; it names a file of raw float32 (--image one of pixels)");
  CompleteImages(options, given);
  if (!options.outputs.empty() && options.outputs.size() != options.Files().size())
    throw BadInput("--output must be given as often as " + std::string(options.images.empty() ? "--input" : "--image") +
                   ": " + std::to_string(options.Files().size()) + ", not " + std::to_string(options.outputs.size()) +
                   " times");
  if (options.labels == "exact" && options.label_size.empty())
    throw BadInput("--labels exact needs --label-size H,W");
  if (options.labels != "exact" && (!options.label_size.empty() || options.align_corners))
    throw BadInput("--label-size and --align-corners belong to --labels exact");
  if (options.write == "labels" && options.labels == "none")
    throw BadInput("--write labels needs --labels exact or --labels graph");
  // Paddle-Lite binds its thread anew at every run unless it is told not to, and would undo the choice of cores.
  if (!options.cores.empty() && !options.power_mode.empty() && options.power_mode != "no_bind")
    throw BadInput("--cores goes with --power-mode no_bind only: the others choose the cores themselves");
  if (options.power_mode.empty()) options.power_mode = options.cores.empty() ? "high" : "no_bind";
  if (options.write.empty()) options.write = options.labels == "none" ? "tensor" : "labels";
}

}  // namespace

std::int64_t Options::InputElements() const {
  std::int64_t elements = 1;
  for (const std::int64_t side : input_shape) elements *= side;
  return elements;
}

Options ParseOptions(const std::vector<std::string>& arguments) {
  Options options;
  std::set<std::string> given;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    const Flag* const flag = Find(name);
    if (!flag) throw BadInput("unknown flag '" + name + "'; --help lists those there are");
    if (!given.insert(name).second && !flag->repeatable) throw BadInput(name + " is given twice");
    if (flag->value && i + 1 == arguments.size()) throw BadInput(name + " needs a value: " + name + " " + flag->value);
    flag->set(options, name, flag->value ? arguments[++i] : "");
  }
  Complete(options, given);
  return options;
}

std::string Usage() {
  const std::string text =
      "usage: mobileseg_bench --model FILE.nb --input-shape N,C,H,W --input FILE.f32 [flags]\n\n"
      "Times a Paddle-Lite model on real inputs and prints one line of JSON.\n\n" +
      Lines(RunFlags()) + "\nHow an --image becomes the input, under the names of the model's .nb.json:\n\n" +
      Lines(ImageFlags());
  return text + "\nExit status: 0, 2 for bad flags or files, 1 if the library fails; one line on stderr says why.\n";
}

}  // namespace mobileseg_bench
