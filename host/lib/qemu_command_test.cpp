#include "host/lib/qemu_command.hpp"

#include <gtest/gtest.h>

namespace enclavisor::host {
namespace {

bool has(const std::vector<std::string>& line, const std::string& option, const std::string& value) {
    for (std::size_t i = 0; i + 1 < line.size(); i++) {
        if (line[i] == option && line[i + 1] == value) return true;
    }
    return false;
}

TEST(QemuCommand, Plain) {
    const auto line = qemu_command({.qemu = "qemu", .rom = "k.rom", .link_fd = 7, .serial_fd = 8});
    EXPECT_EQ(line[0], "qemu");
    EXPECT_TRUE(has(line, "-bios", "k.rom"));
    EXPECT_TRUE(has(line, "-m", "512M"));
    EXPECT_TRUE(has(line, "-accel", "tcg,thread=multi"));
    EXPECT_TRUE(has(line, "-chardev", "socket,id=link,fd=7"));
    EXPECT_TRUE(has(line, "-cpu", "max,-la57"));
}

TEST(QemuCommand, SimulatedSevHasASecondMemory) {
    const auto line = qemu_command(
        {.qemu = "qemu", .rom = "k.rom", .platform = Platform::kSimulatedSev, .memory_mib = 4096});
    EXPECT_TRUE(has(line, "-m", "4096M,slots=1,maxmem=600G"));
    EXPECT_TRUE(has(line, "-device", "pc-dimm,memdev=private,addr=0x8000000000"));
    EXPECT_TRUE(has(line, "-object", "memory-backend-memfd,id=private,size=6144M,share=on"));
    EXPECT_EQ(private_memory_mib(2048), 2048u);
    EXPECT_EQ(private_memory_mib(2816), 4096u + 768u);
}

TEST(QemuCommand, IcountNeedsOneThread) {
    const auto line = qemu_command({.qemu = "qemu", .rom = "k.rom", .icount = true, .extra = {"-seed", "1"}});
    EXPECT_TRUE(has(line, "-accel", "tcg,thread=single"));
    EXPECT_TRUE(has(line, "-icount", "shift=0,sleep=off"));
    EXPECT_EQ(line.back(), "1");
}

}  // namespace
}  // namespace enclavisor::host
