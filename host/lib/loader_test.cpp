#include "host/lib/loader.hpp"

#include <gtest/gtest.h>

#include "abi/platform/layout.hpp"
#include "host/lib/test_elf.hpp"

namespace enclavisor::host {
namespace {

TEST(Loader, NativeProgram) {
    const auto file = TestElf{}.bytes();
    const auto result = load_native({file, "prog"}, 1 << 20);
    ASSERT_TRUE(result) << result.error().text();
    const EnclaveImage& image = result.value();
    EXPECT_EQ(image.create.runtime_begin, 0u);
    EXPECT_EQ(image.create.syscall_entry, 0u);
    EXPECT_EQ(image.create.memory_limit, 256u);
    ASSERT_EQ(image.operations.size(), 5u);  // text, rodata, data, bss, thread
    EXPECT_EQ(std::get<ThreadOperation>(image.operations[4]).entry, 0x401000u);
    EXPECT_EQ(image.pages(), 6u);
    EXPECT_EQ(image.threads(), 1u);
}

TEST(Loader, StaticPieIsMoved) {
    TestElf elf;
    elf.header.e_type = ET_DYN;
    const auto file = elf.bytes();
    const auto result = load_native({file, "prog"}, 1 << 20);
    ASSERT_TRUE(result);
    EXPECT_EQ(std::get<PagesOperation>(result.value().operations[0]).address, abi::kStaticPieBase + 0x400000);
}

TEST(Loader, NativeProgramsAreStatic) {
    TestElf elf;
    std::memcpy(elf.contents.data(), "/lib/ld.so", 11);
    elf.add(PF_R, 0x1000, 0x401000, 11, 11, PT_INTERP);
    const auto file = elf.bytes();
    EXPECT_FALSE(load_native({file, "prog"}, 1 << 20));
}

TEST(Loader, LimitTooSmall) {
    const auto file = TestElf{}.bytes();
    const auto result = load_native({file, "prog"}, 4 * 4096);
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().cause.find("memory limit of 16K is too small for prog"), std::string::npos);
    EXPECT_NE(result.error().cure.find("--limit"), std::string::npos);
}

TEST(Loader, SegmentsThatShareAPage) {
    TestElf elf;
    elf.segments[2].p_vaddr = 0x401ffc;
    elf.segments[1].p_memsz = elf.segments[1].p_filesz = 0xf00;
    const auto file = elf.bytes();
    const auto result = load_native({file, "prog"}, 1 << 20);
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().cause.find("share a page"), std::string::npos);
}

TEST(Loader, RuntimeMustBeARuntime) {
    const auto file = TestElf{}.bytes();
    Configuration configuration;
    configuration.options.memory_limit = 1 << 24;
    const auto result = load_process({file, "prog"}, std::nullopt, {file, "runtime"}, configuration);
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().cause.find("runtime's addresses"), std::string::npos);
}

}  // namespace
}  // namespace enclavisor::host
