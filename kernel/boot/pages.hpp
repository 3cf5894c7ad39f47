// Addresses that the boot code and C++ share.
#pragma once

#define KERNEL_BASE 0xffffffff80000000
#define DIRECT_BASE 0xffff800000000000
#define BOOT_SHARED 0x8000000000  // on the boot's tables: 4 GiB without the C-bit

// Pages of RAM that QEMU fills before the kernel starts, as the table at the ROM's end says: below
// the kernel's image, where nothing else lies.
#define LAUNCH_SECRET_PAGE 0x1fd000  // SEV, SEV-ES: what the VM's owner sends it
#define SEV_SECRETS_PAGE 0x1fe000    // SEV-SNP
#define SEV_CPUID_PAGE 0x1ff000      // SEV-SNP
