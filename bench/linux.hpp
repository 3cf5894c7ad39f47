// What a Linux guest takes for the same under the same QEMU: Debian 12's cloud
// kernel 6.1, initramfs, QEMU 7.2 with TCG, `-icount shift=0,sleep=off -cpu
// max,-erms,-la57`, one vCPU; medians. Recorded, not measured by `make bench`.
#pragma once

namespace enclavisor::bench {

inline constexpr const char* kLinuxBoot = "1,250,000,000 (tuned: 383,000,000)";
inline constexpr double kLinuxGetppid = 325;
inline constexpr double kLinuxFault = 3155;
inline constexpr double kLinuxWrite = 582;
inline constexpr double kLinuxClock = 73;
inline constexpr double kLinuxMmapMunmap = 16159;
inline constexpr double kLinuxMmapTouchMunmap = 22434;

}  // namespace enclavisor::bench
