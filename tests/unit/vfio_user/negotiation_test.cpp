// SPDX-License-Identifier: Apache-2.0
// VERSION: what is agreed on, and what is refused.
#include "vfio_user/negotiation.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "client.hpp"

namespace siov::vfio_user {
namespace {

using test::Bytes;
using test::Client;
using test::Payload;

Agreement agree(const std::string& json, const Limits& limits = {}) {
  const Bytes request = Client::version(json);
  const auto result = negotiate(request, limits);
  if (!result) {
    ADD_FAILURE() << result.error().why;
    return {};
  }
  EXPECT_LE(result->reply.size(), request.size());
  return *result;
}

std::string json_of(const Agreement& agreement) {
  std::string text;
  for (std::size_t i = 4; i < agreement.reply.size(); ++i) {
    text.push_back(static_cast<char>(agreement.reply[i]));
  }
  if (!text.empty()) {
    EXPECT_EQ(text.back(), '\0');
    text.pop_back();
  }
  return text;
}

int refused(const Bytes& request) {
  const auto result = negotiate(request, {});
  if (result) return 0;
  EXPECT_EQ(result.error().why.rfind("VERSION: ", 0), 0u);
  return result.error().error;
}

TEST(NegotiationTest, ProposalOfQemu) {
  const Agreement agreement = agree(Client::kQemuProposal);
  EXPECT_EQ(agreement.max_data_bytes, 1048576u);
  EXPECT_EQ(agreement.client_fds, 16u);
  EXPECT_EQ(agreement.max_dma_maps, 65535u);
  EXPECT_EQ(agreement.page_sizes, 4096u);
  EXPECT_TRUE(agreement.write_multiple);
  EXPECT_EQ(json_of(agreement),
            "{\"capabilities\":{\"max_data_xfer_size\":1048576,\"max_dma_maps\":65535,"
            "\"max_msg_fds\":16,\"pgsizes\":4096,\"write_multiple\":true}}");
  EXPECT_EQ(agreement.reply[0], std::byte{0});
  EXPECT_EQ(agreement.reply[2], std::byte{0});
}

TEST(NegotiationTest, ServerLowersWhatItCannotDo) {
  const Agreement agreement =
      agree(Client::kQemuProposal,
            {.max_data_bytes = 4096, .max_fds = 4, .max_dma_maps = 10, .write_multiple = false});
  EXPECT_EQ(agreement.max_data_bytes, 4096u);
  EXPECT_EQ(agreement.max_dma_maps, 10u);
  EXPECT_FALSE(agreement.write_multiple);
  // "false" is longer than "true", but the request has more than the reply needs.
  EXPECT_EQ(json_of(agreement),
            "{\"capabilities\":{\"max_data_xfer_size\":4096,\"max_dma_maps\":10,"
            "\"max_msg_fds\":4,\"pgsizes\":4096,\"write_multiple\":false}}");
}

TEST(NegotiationTest, NoCapabilitiesMeanTheDefaults) {
  const Agreement agreement = agree("");
  EXPECT_EQ(agreement.max_data_bytes, 1048576u);
  EXPECT_EQ(agreement.client_fds, 1u);
  EXPECT_FALSE(agreement.write_multiple);
  EXPECT_EQ(agreement.reply.size(), 4u);
  EXPECT_EQ(json_of(agree("{}")), "{}");
  EXPECT_EQ(json_of(agree("{\"capabilities\":{}}")), "{\"capabilities\":{}}");
}

TEST(NegotiationTest, OnlyWhatWasProposedIsAnswered) {
  EXPECT_EQ(json_of(agree("{\"capabilities\":{\"max_dma_maps\":100,\"strange\":[1,2]}}")),
            "{\"capabilities\":{\"max_dma_maps\":100}}");
  EXPECT_EQ(json_of(agree("{\"capabilities\":{\"twin_socket\":{\"supported\":true}}}")),
            "{\"capabilities\":{}}");
}

TEST(NegotiationTest, ReplyIsNeverLongerThanTheRequest) {
  // 1 is one character, 16 is two: the member is left out, and its default (1) holds.
  const std::string tight = "{\"capabilities\":{\"max_msg_fds\":1}}";
  EXPECT_EQ(json_of(agree(tight)), "{\"capabilities\":{}}");
  const std::string no = "{\"capabilities\":{\"write_multiple\":true}}";
  EXPECT_EQ(json_of(agree(no, {.write_multiple = false})), "{\"capabilities\":{}}");
}

TEST(NegotiationTest, VersionsThatDoNotFit) {
  EXPECT_EQ(refused(Payload().u16(1).u16(0)), ENOTSUP);
  EXPECT_EQ(refused(Payload().u16(0xFFFF).u16(0)), ENOTSUP);
  EXPECT_EQ(refused(Payload().u16(0)), EINVAL);
  EXPECT_EQ(refused(Bytes{}), EINVAL);
  // A higher minor version is answered with ours.
  const auto result = negotiate(Payload().u16(0).u16(7).get(), {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->reply, (Bytes{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}}));
}

TEST(NegotiationTest, TextThatIsNoCapabilityList) {
  EXPECT_EQ(refused(Payload().u16(0).u16(0).text("{}")), EINVAL);  // no NUL
  for (const char* text :
       {"", "{", "[]", "1", "\"x\"", "null", "{\"capabilities\":1}", "{\"capabilities\":[]}",
        "{}{}", "{\"capabilities\":null}", "\xff\xfe"}) {
    EXPECT_EQ(refused(Payload().u16(0).u16(0).text(text).fill(1, 0)), EINVAL) << text;
  }
  EXPECT_EQ(refused(Payload().u16(0).u16(0).text("{}").fill(1, 0).text("{}").fill(1, 0)), EINVAL);
}

TEST(NegotiationTest, MembersOfTheWrongKindOrSize) {
  for (const char* member :
       {"\"max_data_xfer_size\":\"8\"", "\"max_data_xfer_size\":-1", "\"max_data_xfer_size\":7",
        "\"max_data_xfer_size\":1.5", "\"max_msg_fds\":true", "\"max_msg_fds\":{}",
        "\"max_dma_maps\":0", "\"max_dma_maps\":null", "\"pgsizes\":[4096]", "\"pgsizes\":2048",
        "\"pgsizes\":0", "\"write_multiple\":1", "\"write_multiple\":\"true\""}) {
    EXPECT_EQ(refused(Client::version(std::string("{\"capabilities\":{") + member + "}}")), EINVAL)
        << member;
  }
}

TEST(NegotiationTest, ValuesAtTheirLimits) {
  EXPECT_EQ(agree("{\"capabilities\":{\"max_data_xfer_size\":8}}").max_data_bytes, 8u);
  EXPECT_EQ(
      agree("{\"capabilities\":{\"max_data_xfer_size\":18446744073709551615}}").max_data_bytes,
      1048576u);
  EXPECT_EQ(agree("{\"capabilities\":{\"max_msg_fds\":0}}").client_fds, 0u);
  EXPECT_EQ(agree("{\"capabilities\":{\"max_msg_fds\":1000}}").client_fds, 253u);
  EXPECT_EQ(agree("{\"capabilities\":{\"pgsizes\":2097152}}").page_sizes, 2097152u);
}

TEST(NegotiationTest, DeepNestingIsHarmless) {
  EXPECT_EQ(refused(Client::version(std::string(30000, '['))), EINVAL);
}

}  // namespace
}  // namespace siov::vfio_user
