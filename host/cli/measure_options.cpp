#include "host/cli/measure_options.hpp"

#include "host/cli/vm_options.hpp"

namespace enclavisor::host {

void add_measure(CLI::App& app, MeasureOptions& options) {
    CLI::App* measure = app.add_subcommand(
        "measure", "Print the measurement of a program or manifest, or a VM's launch digest, without a VM");
    measure->add_option("PROGRAM", options.target, "Program, MANIFEST.toml or NAME.enclave");
    measure->add_option("--limit", options.limit, "Memory limit, as given to run")->type_name("SIZE");
    measure->add_flag("--allow-exec", options.allow_exec, "As given to run");
    measure
        ->add_option("--platform", options.platform,
                     "Instead of a program, measure the VM as the secure processor does when it is launched")
        ->type_name("NAME")
        ->check(CLI::IsMember(kLaunchPlatformNames));
    measure
        ->add_option("--firmware", options.firmware, "Image that starts (default: our ROM for the platform)")
        ->type_name("FILE");
    measure->add_option("--vcpus", options.vcpus, "Of the VM; SEV measures none")
        ->type_name("N")
        ->check(CLI::Range(1u, 64u))
        ->capture_default_str();
    measure
        ->add_option("--cpu-model", options.cpu_model,
                     "As given to QEMU (EPYC-v4), or CPUID 1 EAX (0xa00f11)")
        ->type_name("NAME");
    measure
        ->add_option("--sev-features", options.sev_features,
                     "That KVM turns on in SEV-SNP guests (default: 0x1)")
        ->type_name("BITS");
    measure->add_option("--require", options.require, "As given to run")->type_name("FEATURES");
    measure->add_flag("--legacy-vm-type", options.legacy_vm_type,
                      "SEV-ES of QEMU before 9.1 or Linux before 6.10");
    measure->add_option("--id-block", options.id_block, "Write the ID block of an SEV-SNP guest, unsigned")
        ->type_name("FILE");
    measure->add_option("--policy", options.policy, "Of the ID block (default: 0x30000)")->type_name("BITS");
    measure->add_option("--guest-svn", options.guest_svn, "Of the ID block (default: 0)")->type_name("N");
    add_format(*measure, options.json);
}

}  // namespace enclavisor::host
