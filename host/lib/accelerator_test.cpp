#include "host/lib/accelerator.hpp"

#include <gtest/gtest.h>

namespace enclavisor::host {
namespace {

TEST(Accelerator, CpuFlags) {
    EXPECT_TRUE(cpu_virtualises("processor: 0\nflags\t\t: fpu svm sse\nbugs: none\n"));
    EXPECT_TRUE(cpu_virtualises("processor: 0\nflags\t\t: fpu vmx\n"));
    EXPECT_FALSE(cpu_virtualises("processor: 0\nflags\t\t: fpu svm_lock vmxx\nnote: vmx\n"));
    EXPECT_FALSE(cpu_virtualises(""));
}

TEST(Accelerator, Wishes) {
    EXPECT_EQ(choose_accelerator("kvm").value().accelerator, Accelerator::kKvm);
    EXPECT_EQ(choose_accelerator("tcg").value().accelerator, Accelerator::kTcg);
    EXPECT_FALSE(choose_accelerator("hvf"));
}

}  // namespace
}  // namespace enclavisor::host
