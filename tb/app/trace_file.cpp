// SPDX-License-Identifier: Apache-2.0
// CSV reader of memory-operation traces.
#include "app/trace_file.hpp"

#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "app/input_error.hpp"

namespace siov::app {
namespace {

constexpr std::string_view kHeader = "op,bytes,src_page_offset,dst_page_offset,value";
constexpr std::array<const char*, 5> kColumns{"op", "bytes", "src_page_offset", "dst_page_offset",
                                              "value"};

struct Line {
  const std::string& file;
  std::size_t number;
  std::array<std::string_view, 5> fields;
};

std::string in_quotes(std::string_view text) { return "'" + std::string(text) + "'"; }

std::uint32_t number(const Line& line, std::size_t column, std::uint32_t low, std::uint32_t high) {
  const std::string_view text = line.fields[column];
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low || value > high) {
    throw InputError(line.file, line.number, kColumns[column],
                     "a whole number from " + std::to_string(low) + " to " + std::to_string(high) +
                         ", found " + in_quotes(text));
  }
  return value;
}

system::OperationKind kind(const Line& line) {
  const std::string_view text = line.fields[0];
  if (text == "copy") return system::OperationKind::kCopy;
  if (text == "move") return system::OperationKind::kMove;
  if (text == "fill") return system::OperationKind::kFill;
  throw InputError(line.file, line.number, kColumns[0],
                   "copy, move or fill, found " + in_quotes(text));
}

void split(std::string_view text, Line& line) {
  std::size_t count = 0;
  while (true) {
    const std::size_t comma = text.find(',');
    if (count < line.fields.size()) line.fields[count] = text.substr(0, comma);
    ++count;
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  if (count != line.fields.size()) {
    throw InputError(
        line.file, line.number, "line",
        "5 comma-separated columns (" + std::string(kHeader) + "), found " + std::to_string(count));
  }
}

}  // namespace

std::vector<system::TraceOperation> parse_trace(std::istream& in, const std::string& name) {
  std::string text;
  std::size_t line_number = 0;
  const auto next = [&] {
    ++line_number;
    if (!std::getline(in, text)) return false;
    if (!text.empty() && text.back() == '\r') text.pop_back();
    return true;
  };
  if (!next() || text != kHeader) {
    throw InputError(name, 1, "header",
                     in_quotes(kHeader) + ", found " + in_quotes(text.substr(0, 80)));
  }
  std::vector<system::TraceOperation> operations;
  while (next()) {
    if (text.empty()) continue;
    Line line{name, line_number, {}};
    split(text, line);
    system::TraceOperation op;
    op.kind = kind(line);
    op.bytes = number(line, 1, 1, kMaxTraceBytes);
    op.src_page_offset = number(line, 2, 0, 4095);
    op.dst_page_offset = number(line, 3, 0, 4095);
    op.value = static_cast<std::uint8_t>(number(line, 4, 0, 255));
    operations.push_back(op);
  }
  return operations;
}

std::vector<system::TraceOperation> load_trace(const std::string& path) {
  std::error_code ignored;
  std::ifstream in(path);
  if (!in || std::filesystem::is_directory(path, ignored)) {
    throw InputError(path + ": cannot read this trace file");
  }
  return parse_trace(in, path);
}

}  // namespace siov::app
