// SPDX-License-Identifier: Apache-2.0
// Command line, by Boost.Program_options: one option list a command, help with examples.
#include "app/options.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdio>
#include <sstream>

#include "app/injection_names.hpp"
#include "app/input_error.hpp"

namespace siov::app {
namespace {

namespace po = boost::program_options;

constexpr const char* kTop =
    "siov-cosim: a host for Scalable I/O Virtualization devices, and a device to go with it\n"
    "\n"
    "usage: siov-cosim COMMAND [OPTIONS]\n"
    "\n"
    "  run [SCENARIO.toml]   play tenants against the device and judge every transaction\n"
    "  replay TRACE.csv      play the memory operations of one program on one virtual device\n"
    "  bench                 measure speed, write OUT/bench.json\n"
    "  hostile               play every attack of a hostile tenant: no other tenant may notice\n"
    "  guest                 serve real guests: QEMU's vfio-user client on a socket\n"
    "  list-injections       name the broken devices that 'run --inject' can simulate\n"
    "\n"
    "  siov-cosim COMMAND --help     options and examples of a command\n"
    "  siov-cosim --version\n"
    "\n"
    "exit code: 0 good, 1 the device or a check failed, 2 wrong usage or input, 3 nothing to run, "
    "4 crash\n";

struct CommandText {
  const char* name;
  Command command;
  const char* usage;
  const char* examples;
};
constexpr CommandText kCommands[] = {
    {"run", Command::kRun, "siov-cosim run [SCENARIO.toml] [OPTIONS]",
     "examples:\n"
     "  siov-cosim run                                    the default scenario, four tenants\n"
     "  siov-cosim run scenarios/small.toml --seed 7      another scenario, another seed\n"
     "  siov-cosim run --device model --out out/model    the C++ reference device instead of the "
     "RTL\n"
     "  siov-cosim run scenarios/all_ops.toml --seeds 1..20   twenty runs, one total\n"
     "  siov-cosim run --translation-mode pri             demand paging: the device asks for "
     "pages\n"
     "  siov-cosim run --inject wrong-pasid --waves       a broken device, with waves in "
     "OUT/waves.fst\n"},
    {"replay", Command::kReplay, "siov-cosim replay TRACE.csv [OPTIONS]",
     "examples:\n"
     "  siov-cosim replay traces/sqlite.csv --limit 2000\n"
     "  siov-cosim replay traces/zstd.csv --limit 100 --translation nested --seed 3\n"},
    {"bench", Command::kBench, "siov-cosim bench [OPTIONS]",
     "examples:\n"
     "  siov-cosim bench                                  everything\n"
     "  siov-cosim bench --only link_utilisation_4k       one number (may be given more than "
     "once)\n"
     "  siov-cosim bench --sweep --out docs               tables and charts of "
     "docs/performance.md\n"},
    {"hostile", Command::kHostile, "siov-cosim hostile [OPTIONS]",
     "examples:\n"
     "  siov-cosim hostile --list                         every attack, its clause, what must "
     "happen\n"
     "  siov-cosim hostile --device model                 all of them on the C++ reference device\n"
     "  siov-cosim hostile --only flr-storm --seed 7      one (may be given more than once)\n"
     "  siov-cosim hostile --only error-storm --inject wrong-pasid    a broken device is found "
     "out\n"},
    {"guest", Command::kGuest, "siov-cosim guest --socket PATH [OPTIONS]",
     "examples:\n"
     "  siov-cosim guest --socket /tmp/vdev0                a VDEV for one guest\n"
     "  siov-cosim guest --socket a --qmp qa --socket b --qmp qb --sessions 3\n"
     "                                                      two guests on one device, until three "
     "have gone\n"
     "  siov-cosim guest --mode host --socket s --qmp q     the guest is the host: it sees the "
     "physical function\n"},
    {"list-injections", Command::kListInjections, "siov-cosim list-injections [OPTIONS]",
     "examples:\n"
     "  siov-cosim list-injections\n"},
};

struct Raw {
  std::string guest_mode, sessions, patience;
  std::vector<std::string> functions;
  std::string seed, seeds, device = "rtl", limit, personality, mode;
};

po::options_description make_options(Command command, Options& out, Raw& raw) {
  po::options_description o("options");
  o.add_options()("help,h", "this text");
  o.add_options()("seed", po::value(&raw.seed)->value_name("N"),
                  "decides every random choice; the same seed gives the same digest");
  o.add_options()("device", po::value(&raw.device)->value_name("KIND"),
                  "rtl (default), model (C++ reference device) or netlist (written by Yosys)");
  o.add_options()("out", po::value(&out.out)->value_name("DIR"),
                  "where results go, default out/COMMAND");
  o.add_options()("waves", po::bool_switch(&out.waves), "also write OUT/waves.fst");
  if (command == Command::kGuest) {
    o.add_options()("mode", po::value(&raw.guest_mode)->value_name("MODE"),
                    "vdev (default): the guest sees a virtual device; host: the physical function");
    o.add_options()("socket", po::value(&out.guest.sockets)->value_name("PATH"),
                    "where a vfio-user client connects; once a guest, up to 8");
    o.add_options()("qmp", po::value(&out.guest.monitors)->value_name("PATH"),
                    "QMP socket of the guest's QEMU, for its remapping unit; in the order of "
                    "--socket");
    o.add_options()("function", po::value(&raw.functions)->value_name("BB:DD.F"),
                    "number of the device in the guest, default 00:04.0; in the order of --socket");
    o.add_options()("sessions", po::value(&raw.sessions)->value_name("N"),
                    "end when N clients have come and gone, default 1; 0: only a signal ends it");
    o.add_options()("patience", po::value(&raw.patience)->value_name("S"),
                    "end after so many seconds without a client, default 600");
    o.add_options()("personality", po::value(&raw.personality)->value_name("NAME"),
                    "small, default or large device");
  }
  if (command == Command::kRun) {
    o.add_options()("seeds", po::value(&raw.seeds)->value_name("A..B"),
                    "play every seed from A to B; results in DIR/seed-N, totals in DIR");
    o.add_options()("personality", po::value(&raw.personality)->value_name("NAME"),
                    "small, default or large instead of what the scenario says");
    o.add_options()("inject", po::value(&out.inject)->value_name("NAME"),
                    "simulate a broken device; names: siov-cosim list-injections");
  }
  if (command == Command::kRun || command == Command::kReplay) {
    o.add_options()("limit", po::value(&raw.limit)->value_name("N"),
                    "at most N operations of each tenant");
    o.add_options()("translation-mode", po::value(&raw.mode)->value_name("MODE"),
                    "off, ats or pri instead of what the scenario says: no ATS; ATS with all pages "
                    "present; ATS and page requests with 30 % of the pages absent");
  }
  if (command == Command::kReplay) {
    o.add_options()("translation", po::value(&out.translation)->value_name("TYPE"),
                    "first-stage (default), second-stage, nested or pass-through");
  }
  if (command == Command::kHostile) {
    o.add_options()("list", po::bool_switch(&out.list), "name the attacks, play none");
    o.add_options()("only", po::value(&out.only)->value_name("NAME"), "play only this attack");
    o.add_options()("inject", po::value(&out.inject)->value_name("NAME"),
                    "simulate a broken device; names: siov-cosim list-injections");
  }
  if (command == Command::kBench) {
    o.add_options()("only", po::value(&out.only)->value_name("NAME"), "measure only this");
    o.add_options()("sweep", po::bool_switch(&out.sweep),
                    "throughput against size, batch, queues, engines and latency: OUT/sweep.csv, "
                    "OUT/performance.md, OUT/performance/*.svg");
  }
  return o;
}

std::uint64_t to_number(const std::string& option, const std::string& text) {
  const bool digits =
      !text.empty() && text.size() <= 18 &&
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) {
    throw InputError(option + ": expected a whole number below 10^18, found '" + text + "'");
  }
  return std::stoull(text);
}

system::DeviceKind to_device(const std::string& text) {
  if (text == "rtl") return system::DeviceKind::kRtl;
  if (text == "model") return system::DeviceKind::kModel;
  if (text == "netlist") return system::DeviceKind::kNetlist;
  throw InputError("--device: expected rtl, model or netlist, found '" + text + "'");
}

std::pair<std::uint64_t, std::uint64_t> to_seeds(const std::string& text) {
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos) throw InputError("--seeds: expected A..B, found '" + text + "'");
  const std::uint64_t first = to_number("--seeds", text.substr(0, dots));
  const std::uint64_t last = to_number("--seeds", text.substr(dots + 2));
  if (first > last || last - first >= 10000)
    throw InputError("--seeds: expected A..B with A <= B and at most 10000 seeds, found '" + text +
                     "'");
  return {first, last};
}

system::Personality to_personality(const std::string& text) {
  if (text == "small") return system::Personality::kSmall;
  if (text == "default") return system::Personality::kDefault;
  if (text == "large") return system::Personality::kLarge;
  throw InputError("--personality: expected small, default or large, found '" + text + "'");
}

system::TranslationMode to_mode(const std::string& text) {
  if (text == "off") return system::TranslationMode::kOff;
  if (text == "ats") return system::TranslationMode::kAts;
  if (text == "pri") return system::TranslationMode::kPri;
  throw InputError("--translation-mode: expected off, ats or pri, found '" + text + "'");
}

void check_translation(const std::string& text) {
  for (const char* t : {"first-stage", "second-stage", "nested", "pass-through"}) {
    if (text == t) return;
  }
  throw InputError(
      "--translation: expected first-stage, second-stage, nested or pass-through, found '" + text +
      "'");
}

std::uint16_t to_function(const std::string& text) {
  unsigned bus = 0;
  unsigned device = 0;
  unsigned function = 0;
  char rest = 0;
  if (std::sscanf(text.c_str(), "%2x:%2x.%1x%c", &bus, &device, &function, &rest) != 3 ||
      device > 31 || function > 7)
    throw InputError("--function: expected BB:DD.F, as lspci prints it, found '" + text + "'");
  return static_cast<std::uint16_t>(bus << 8 | device << 3 | function);
}

void take_guest(const Raw& raw, Options& out) {
  GuestSettings& guest = out.guest;
  if (guest.sockets.empty() || guest.sockets.size() > 8)
    throw InputError("--socket: expected 1 to 8 of them");
  if (raw.guest_mode == "host") {
    guest.host = true;
  } else if (!raw.guest_mode.empty() && raw.guest_mode != "vdev") {
    throw InputError("--mode: expected vdev or host, found '" + raw.guest_mode + "'");
  }
  if (guest.monitors.size() > guest.sockets.size())
    throw InputError("--qmp: expected at most one for each --socket");
  if (guest.host && (guest.sockets.size() != 1 || guest.monitors.empty()))
    throw InputError("--mode host: expected one --socket and one --qmp");
  if (raw.functions.size() > guest.sockets.size())
    throw InputError("--function: expected at most one for each --socket");
  for (const std::string& text : raw.functions) guest.functions.push_back(to_function(text));
  if (!raw.sessions.empty()) guest.sessions = to_number("--sessions", raw.sessions);
  if (guest.sessions == 0) guest.sessions = ~std::uint64_t{0};
  if (!raw.patience.empty()) guest.patience = to_number("--patience", raw.patience);
  if (guest.patience > 1'000'000'000)
    throw InputError("--patience: expected at most 1000000000 seconds");
}

void check_sweep(const Options& out) {
  if (!out.sweep) return;
  if (!out.only.empty()) throw InputError("--sweep: expected without --only; it measures all");
  if (out.waves) throw InputError("--sweep: expected without --waves; it is many runs");
}

std::string quote(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("-_./=+:,").find(c) != std::string_view::npos;
  });
  if (plain) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

Options parse_options(const std::vector<std::string>& arguments) {
  Options out;
  for (const std::string& a : arguments) out.paste += (out.paste.empty() ? "" : " ") + quote(a);
  if (arguments.empty())
    throw InputError(
        "which command? expected run, replay, bench, hostile or list-injections (siov-cosim "
        "--help)");
  const std::string& word = arguments.front();
  if (word == "--help" || word == "-h" || word == "help") {
    out.help = kTop;
    return out;
  }
  if (word == "--version") {
    out.command = Command::kVersion;
    return out;
  }
  const auto* text = std::find_if(std::begin(kCommands), std::end(kCommands),
                                  [&word](const CommandText& c) { return word == c.name; });
  if (text == std::end(kCommands)) {
    throw InputError(
        "'" + word +
        "': expected run, replay, bench, hostile or list-injections (siov-cosim --help)");
  }
  Raw raw;
  const po::options_description visible = make_options(text->command, out, raw);
  std::vector<std::string> inputs;
  po::options_description all;
  all.add(visible);
  all.add_options()("input", po::value(&inputs));
  po::positional_options_description positional;
  positional.add("input", -1);
  po::variables_map values;
  const int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
  try {
    const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
    po::store(po::command_line_parser(rest).options(all).positional(positional).style(style).run(),
              values);
    po::notify(values);
  } catch (const po::error& e) {
    throw InputError(std::string(e.what()) + " (siov-cosim " + word + " --help)");
  }
  if (values.count("help") != 0) {
    std::ostringstream help;
    help << "usage: " << text->usage << "\n\n" << visible << "\n" << text->examples;
    out.help = help.str();
    return out;
  }
  const bool takes_input = text->command == Command::kRun || text->command == Command::kReplay;
  if (inputs.size() > (takes_input ? 1U : 0U)) {
    throw InputError("'" + inputs.back() + "': expected " +
                     (takes_input ? "one input file" : "no input file") + " (siov-cosim " + word +
                     " --help)");
  }
  if (text->command == Command::kReplay && inputs.empty()) {
    throw InputError("which trace? expected siov-cosim replay TRACE.csv");
  }
  if (!inputs.empty()) out.input = inputs.front();
  if (values.count("seed") != 0) out.seed = to_number("--seed", raw.seed);
  if (values.count("limit") != 0) out.limit = to_number("--limit", raw.limit);
  if (values.count("seeds") != 0) out.seeds = to_seeds(raw.seeds);
  if (out.seeds && out.seed) throw InputError("--seeds: expected --seed or --seeds, found both");
  if (values.count("personality") != 0) out.personality = to_personality(raw.personality);
  if (values.count("translation-mode") != 0) out.mode = to_mode(raw.mode);
  out.device = to_device(raw.device);
  if (out.waves && out.device == system::DeviceKind::kModel) {
    throw InputError("--waves: expected --device rtl or netlist; the C++ model has no signals");
  }
  if (text->command == Command::kGuest) take_guest(raw, out);
  check_sweep(out);
  check_translation(out.translation);
  for (const std::string& name : out.inject) {
    if (!is_injection(name))
      throw InputError("--inject: expected a name of 'siov-cosim list-injections', found '" + name +
                       "'");
  }
  if (!out.inject.empty() && out.device == system::DeviceKind::kModel) {
    throw InputError(
        "--inject: expected --device rtl or netlist; the C++ model has no link to break");
  }
  if (out.out.empty()) out.out = std::string("out/") + word;
  out.command = text->command;
  return out;
}

}  // namespace siov::app
