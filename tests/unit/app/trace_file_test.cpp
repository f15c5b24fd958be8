// SPDX-License-Identifier: Apache-2.0
// Trace files: what is read, and the one clear line for each way to be wrong. Format:
// traces/README.md.
#include "app/trace_file.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "app/input_error.hpp"

namespace siov::app {
namespace {

constexpr const char* kHeader = "op,bytes,src_page_offset,dst_page_offset,value\n";

std::vector<system::TraceOperation> parse(const std::string& text) {
  std::istringstream in(text);
  return parse_trace(in, "t.csv");
}

std::string error_of(const std::string& text) {
  try {
    parse(text);
  } catch (const InputError& e) {
    return e.what();
  }
  return "no error";
}

TEST(TraceFileTest, EachOperationIsReadWithItsColumns) {
  const auto ops =
      parse(std::string(kHeader) + "copy,131072,16,32,0\nmove,300,4095,0,0\nfill,336,0,112,255\n");
  ASSERT_EQ(ops.size(), 3U);
  EXPECT_EQ(ops[0].kind, system::OperationKind::kCopy);
  EXPECT_EQ(ops[0].bytes, 131072U);
  EXPECT_EQ(ops[0].src_page_offset, 16U);
  EXPECT_EQ(ops[0].dst_page_offset, 32U);
  EXPECT_EQ(ops[1].kind, system::OperationKind::kMove);
  EXPECT_EQ(ops[1].src_page_offset, 4095U);
  EXPECT_EQ(ops[2].kind, system::OperationKind::kFill);
  EXPECT_EQ(ops[2].value, 255U);
}

TEST(TraceFileTest, WindowsLineEndsAndEmptyLinesAreAccepted) {
  EXPECT_EQ(parse("op,bytes,src_page_offset,dst_page_offset,value\r\ncopy,1,2,3,0\r\n\r\n").size(),
            1U);
}

TEST(TraceFileTest, HeaderOnlyIsAnEmptyTrace) { EXPECT_TRUE(parse(kHeader).empty()); }

TEST(TraceFileTest, WrongHeaderIsNamed) {
  EXPECT_EQ(error_of("op,size\ncopy,1\n"),
            "t.csv:1: header: expected 'op,bytes,src_page_offset,dst_page_offset,value', found "
            "'op,size'");
}

TEST(TraceFileTest, EmptyFileIsAWrongHeader) {
  EXPECT_EQ(error_of(""),
            "t.csv:1: header: expected 'op,bytes,src_page_offset,dst_page_offset,value', found ''");
}

TEST(TraceFileTest, UnknownOperationNamesLineAndColumn) {
  EXPECT_EQ(error_of(std::string(kHeader) + "copy,1,0,0,0\ncpy,1,0,0,0\n"),
            "t.csv:3: op: expected copy, move or fill, found 'cpy'");
}

TEST(TraceFileTest, MissingColumnIsCounted) {
  EXPECT_EQ(error_of(std::string(kHeader) + "copy,1,0,0\n"),
            "t.csv:2: line: expected 5 comma-separated columns "
            "(op,bytes,src_page_offset,dst_page_offset,value), found 4");
}

TEST(TraceFileTest, ExtraColumnIsCounted) {
  EXPECT_EQ(error_of(std::string(kHeader) + "copy,1,0,0,0,9\n"),
            "t.csv:2: line: expected 5 comma-separated columns "
            "(op,bytes,src_page_offset,dst_page_offset,value), found 6");
}

struct BadNumber {
  const char* line;
  const char* message;
};
class TraceNumberTest : public testing::TestWithParam<BadNumber> {};

TEST_P(TraceNumberTest, OutOfRangeNumberNamesColumnAndRange) {
  EXPECT_EQ(error_of(std::string(kHeader) + GetParam().line + "\n"), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Columns, TraceNumberTest,
    testing::Values(
        BadNumber{"copy,0,0,0,0",
                  "t.csv:2: bytes: expected a whole number from 1 to 2097152, found '0'"},
        BadNumber{"copy,2097153,0,0,0",
                  "t.csv:2: bytes: expected a whole number from 1 to 2097152, found '2097153'"},
        BadNumber{"copy,-1,0,0,0",
                  "t.csv:2: bytes: expected a whole number from 1 to 2097152, found '-1'"},
        BadNumber{"copy,1x,0,0,0",
                  "t.csv:2: bytes: expected a whole number from 1 to 2097152, found '1x'"},
        BadNumber{"copy,,0,0,0",
                  "t.csv:2: bytes: expected a whole number from 1 to 2097152, found ''"},
        BadNumber{"copy,99999999999,0,0,0",
                  "t.csv:2: bytes: expected a whole number from 1 to 2097152, found '99999999999'"},
        BadNumber{"copy,1,4096,0,0",
                  "t.csv:2: src_page_offset: expected a whole number from 0 to 4095, found '4096'"},
        BadNumber{"copy,1,0,4096,0",
                  "t.csv:2: dst_page_offset: expected a whole number from 0 to 4095, found '4096'"},
        BadNumber{"fill,1,0,0,256",
                  "t.csv:2: value: expected a whole number from 0 to 255, found '256'"}));

TEST(TraceFileTest, MissingFileIsNamed) {
  try {
    load_trace("no/such/trace.csv");
    FAIL() << "a missing file was accepted";
  } catch (const InputError& e) {
    EXPECT_STREQ(e.what(), "no/such/trace.csv: cannot read this trace file");
  }
}

TEST(TraceFileTest, DirectoryIsNotATrace) { EXPECT_THROW(load_trace("/"), InputError); }

}  // namespace
}  // namespace siov::app
