// Pages of RAM that QEMU fills before the kernel starts, as the table at the ROM's end says: below
// the kernel's image, where nothing else lies. For assembly too.
#pragma once

#define LAUNCH_SECRET_PAGE 0x1fd000  // SEV, SEV-ES: what the VM's owner sends it
#define SEV_SECRETS_PAGE 0x1fe000    // SEV-SNP
#define SEV_CPUID_PAGE 0x1ff000      // SEV-SNP
