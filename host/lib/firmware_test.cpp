#include "host/lib/firmware.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "host/lib/test_firmware.hpp"

namespace enclavisor::host {
namespace {

std::string refusal(std::span<const std::byte> image) {
    const auto firmware = parse_firmware(image, "fw.bin");
    return firmware ? "accepted" : firmware.error().text();
}
std::string refusal_with(const std::function<void(TestFirmware&)>& change) {
    TestFirmware firmware = TestFirmware::amd_sev();
    change(firmware);
    return refusal(firmware.bytes());
}

TEST(Firmware, SaysWhatItHas) {
    const auto image = TestFirmware::amd_sev().bytes();
    const Firmware firmware = parse_firmware(image, "fw.bin").value();
    EXPECT_EQ(firmware.base(), 0xffff'f000u);
    EXPECT_EQ(reset_address(firmware).value(), 0x80b004u);
    EXPECT_EQ(kernel_hashes_area(firmware).value().base, 0x810c00u);
    ASSERT_EQ(firmware.sections.size(), 7u);
    EXPECT_EQ(firmware.sections[2].kind, abi::SevSectionKind::kSecrets);
    EXPECT_EQ(firmware.sections[6].base, 0x811000u);
    EXPECT_EQ(firmware.sections[6].size, 0xf000u);
}

TEST(Firmware, OneWithoutATableIsOneToo) {
    const std::vector<std::byte> image(8192);
    const Firmware firmware = parse_firmware(image, "fw.bin").value();
    EXPECT_FALSE(firmware.has_metadata);
    EXPECT_FALSE(reset_address(firmware));
    EXPECT_FALSE(kernel_hashes_area(firmware));
}

TEST(Firmware, SizesThatCannotBe) {
    EXPECT_NE(refusal({}).find("0 bytes are no firmware"), std::string::npos);
    EXPECT_NE(refusal(std::vector<std::byte>(4095)).find("whole pages"), std::string::npos);
    EXPECT_NE(refusal(std::vector<std::byte>(kMaxFirmwareSize + 4096)).find("64 MiB"), std::string::npos);
}

// Each is refused for what is wrong with it.
TEST(Firmware, TablesThatCannotBe) {
    const auto table = [](const std::function<void(std::byte*)>& change) {
        auto image = TestFirmware::amd_sev().bytes();
        change(image.data() + image.size() - 50);  // the footer
        return refusal(image);
    };
    const auto size = [](std::uint16_t value, std::ptrdiff_t at) {
        return [=](std::byte* footer) { std::memcpy(footer + at, &value, 2); };
    };
    EXPECT_NE(table(size(17, 0)).find("cannot have 17 bytes"), std::string::npos);
    EXPECT_NE(table(size(4065, 0)).find("cannot have 4065 bytes"), std::string::npos);
    EXPECT_NE(table(size(19, 0)).find("does not fit"), std::string::npos);
    EXPECT_NE(table(size(17, -18)).find("does not fit"), std::string::npos);
    EXPECT_NE(table(size(0xffff, -18)).find("does not fit"), std::string::npos);
    EXPECT_NE(table(size(18, -18)).find("without contents"), std::string::npos);
    EXPECT_NE(refusal_with([](auto& f) { f.entries.push_back(f.entries[0]); }).find("one thing twice"),
              std::string::npos);
    EXPECT_NE(refusal_with([](auto& f) { f.entries[2].second = {1}; }).find("hashes' area is too short"),
              std::string::npos);
}

TEST(Firmware, MetadataThatCannotBe) {
    const struct {
        std::function<void(TestFirmware&)> change;
        const char* said;
    } cases[] = {
        {[](auto& f) { f.entries[3].second = {4097}; }, "does not lie in the image"},
        {[](auto& f) { f.entries[3].second = {15}; }, "does not lie in the image"},
        {[](auto& f) { f.entries[3].second = {0x558}; }, "is not there"},
        {[](auto& f) { f.metadata.version = 2; }, "unknown version 2"},
        {[](auto& f) { f.metadata.size = 1; }, "contradict"},
        {[](auto& f) { f.metadata.count = 1; }, "contradict"},
        {[](auto& f) { f.metadata.count = 0xffff'fff0; }, "too many"},
        {[](auto& f) { f.metadata.size = 4096; }, "does not lie in the image"},
        {[](auto& f) { f.sections[0].kind = 7; }, "unknown kind 7"},
        {[](auto& f) { f.sections[0].base++; }, "not of whole pages"},
        {[](auto& f) { f.sections[0].size = 0; }, "not of whole pages"},
        {[](auto& f) { f.sections[0].size = 0x9001; }, "not of whole pages"},
        {[](auto& f) { f.sections[0].size = 0xb000; }, "0x80a000+0x3000 (memory) overlaps another"},
        {[](auto& f) { f.sections[2].size = 0x2000; }, "(secrets) is not one page"},
        {[](auto& f) {
             f.sections[3] = {0x900000, 0x2000, 3};
         },
         "(CPUID) is not one page"},
        {[](auto& f) { f.sections[6].base = 0xffff'f000; }, "overlaps the image"},
        {[](auto& f) { f.sections[6].size = 0xfff0'0000; }, "overlaps the image"},
    };
    for (const auto& [change, said] : cases)
        EXPECT_NE(refusal_with(change).find(said), std::string::npos) << said << "\n" << refusal_with(change);
}

}  // namespace
}  // namespace enclavisor::host
