#include "host/lib/measure.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "host/lib/sha.hpp"

namespace enclavisor::host {
namespace {

EnclaveImage small_image() {
    EnclaveImage image;
    image.create = {16, 1, 2, 3, 4, 0};
    image.operations.emplace_back(PagesOperation{0x10000, 5, std::vector<std::byte>(8192, std::byte{0x90})});
    image.operations.emplace_back(ZeroPagesOperation{0x20000, 3, 3});
    image.operations.emplace_back(ThreadOperation{0x10000, 0x30000, 0x40000, 65});
    return image;
}

// The specification by hand: records of 64 bytes, the contents after theirs.
TEST(Measure, MatchesTheSpecification) {
    Sha sha{ShaKind::kSha384};
    const auto record = [&sha](const char* name, std::initializer_list<std::uint64_t> fields) {
        std::array<std::byte, 64> bytes{};
        std::memcpy(bytes.data(), name, std::strlen(name));
        if (fields.size() != 0) std::memcpy(bytes.data() + 8, fields.begin(), fields.size() * 8);
        sha.update(bytes);
    };
    const std::vector<std::byte> page(4096, std::byte{0x90});
    record("ECREATE", {16, 1, 2, 3, 4, 0});
    record("EADPAGE", {0x10000, 5});
    sha.update(page);
    record("EADPAGE", {0x11000, 5});
    sha.update(page);
    record("EADZERO", {0x20000, 3, 3});
    record("EADTHRD", {0x10000, 0x30000, 0x40000, 65});
    record("EESEAL", {});
    Measurement expected;
    sha.finish(expected);
    const auto measured = measure(small_image());
    EXPECT_EQ(to_hex(measured).substr(0, 16), to_hex(expected).substr(0, 16));
    EXPECT_EQ(measured, expected);
}

TEST(Measure, EveryFieldCounts) {
    const Measurement plain = measure(small_image());
    EnclaveImage image = small_image();
    image.create.memory_limit++;
    EXPECT_NE(measure(image), plain);
    image = small_image();
    std::get<PagesOperation>(image.operations[0]).contents[5000] = std::byte{0};
    EXPECT_NE(measure(image), plain);
    image = small_image();
    std::get<ThreadOperation>(image.operations[2]).entry++;
    EXPECT_NE(measure(image), plain);
    image = small_image();
    std::swap(image.operations[0], image.operations[1]);
    EXPECT_NE(measure(image), plain);
}

// FIPS 180-4: the digest of "abc".
TEST(Sha, KnownAnswer) {
    Sha sha{ShaKind::kSha384};
    sha.update(std::as_bytes(std::span{"abc", 3}));
    Measurement digest;
    sha.finish(digest);
    EXPECT_EQ(
        to_hex(digest),
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
}

TEST(Measure, AGroupIsItsMembersInOrder) {
    Measurement a{}, b{};
    b[47] = std::byte{1};
    const Measurement both[] = {a, b}, turned[] = {b, a}, one[] = {a};
    EXPECT_NE(measure_group(both), measure_group(turned));
    EXPECT_NE(measure_group(one), measure_group(both));
    EXPECT_EQ(measure_group(both), measure_group(both));
}

}  // namespace
}  // namespace enclavisor::host
