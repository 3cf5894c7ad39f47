// Known answers: the tests of virtee/sevctl, measurementbuild and secretbuild.
#include "host/lib/sev_owner.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "host/lib/measure.hpp"
#include "host/lib/text.hpp"

namespace enclavisor::host {
namespace {

template <std::size_t size>
std::array<std::byte, size> known(const char* hex) {
    const auto bytes = parse_hex(hex).value();
    std::array<std::byte, size> result;
    EXPECT_EQ(bytes.size(), size);
    std::copy_n(bytes.begin(), size, result.begin());
    return result;
}

struct Case {
    SevOwner owner{.tik = known<16>("3569cf61a32a602b87185ac6e0f55913"), .tek = {}};
    std::array<std::byte, 32> digest =
        known<32>("847b5ab6db136ea67dc5a95478ebe7e5ebbe93e9e74bdb1284165f9007a4e367");
    SevMeasured measured{1, 49, 6, 5, digest, known<16>("2dbe959f5d3164db528c6480008509f2")};
    SevMac measurement = known<32>("fe8d27cc3284e5782d56751958f85479afd6658ad328b13147b282c2e31d6c07");

    bool good() const { return is_measurement(owner, measured, measurement); }
};

TEST(SevOwner, KnowsAMeasurement) {
    EXPECT_TRUE(Case{}.good());
}

TEST(SevOwner, EveryFieldCounts) {
    const auto changed = [](auto change) {
        Case one;
        change(one);
        return one.good();
    };
    EXPECT_FALSE(changed([](Case& c) { c.owner.tik[0] ^= std::byte{1}; }));
    EXPECT_FALSE(changed([](Case& c) { c.digest[31] ^= std::byte{1}; }));
    EXPECT_FALSE(changed([](Case& c) { c.measured.api_major = 0; }));
    EXPECT_FALSE(changed([](Case& c) { c.measured.api_minor = 48; }));
    EXPECT_FALSE(changed([](Case& c) { c.measured.build = 7; }));
    EXPECT_FALSE(changed([](Case& c) { c.measured.policy = 4; }));
    EXPECT_FALSE(changed([](Case& c) { c.measured.nonce[15] ^= std::byte{1}; }));
    EXPECT_FALSE(changed([](Case& c) { c.measurement[31] ^= std::byte{1}; }));
}

TEST(SevOwner, SealsASecret) {
    const SevOwner owner{known<16>("c6d5a9956133050912b24bbe5c372686"),
                         known<16>("52a869b79ab9c13bb6a92b0561619cb3")};
    const auto measurement = known<32>("4cb780efad3b959427b4b8d1635fe2fac6ed75267eef9cf1a73e0fc7d873a412");
    const auto iv = known<16>("ac5474ed4dd32c7d989ec523d92559ec");
    const auto sealed = known<64>(
        "d14ddee4f717bf4516f87e2d48114a39d0987ca135fa3dfc05cd9fb8ed7a9988b223eb16c7b20d7e7fa58188f9"
        "e862f5db2ca29c36be9557c20b00ffdb0e5c3c");
    // Counter mode: the same way back.
    const auto secret = seal_secret(owner, sealed, measurement, iv).bytes;
    const SealedSecret again = seal_secret(owner, secret, measurement, iv);
    EXPECT_EQ(to_hex(again.bytes), to_hex(sealed));
    EXPECT_EQ(to_hex(again.header),
              "00000000ac5474ed4dd32c7d989ec523d92559ecbc152cde610e17f0aef557334a2d4fca42c22c4312e3b5b85a3d47"
              "b0aac857e5");
    EXPECT_NE(random_iv().value(), random_iv().value());
}

}  // namespace
}  // namespace enclavisor::host
