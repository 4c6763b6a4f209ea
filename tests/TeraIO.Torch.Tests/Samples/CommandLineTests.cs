using TeraIO.Core;
using TeraIO.Core.Leases;
using TeraIO.Core.Storage;
using TeraIO.Samples.GptTraining;

namespace TeraIO.Torch.Tests.Samples;

public class CommandLineTests
{
    [Test]
    public void A_config_gives_the_shape_and_single_options_override_it()
    {
        var options = Read("--config 30M --layers 3 --batch 2 --dropout 0 --tied false --no-offload");

        Assert.That(options.Config, Is.EqualTo(GptConfig.Named("30M") with { Layers = 3, Batch = 2, Dropout = 0, Tied = false }));
    }

    [Test]
    public void The_default_is_planned_offloading_into_the_current_directory()
    {
        var options = Read("--budget 40%");

        Assert.Multiple(() =>
        {
            Assert.That(options.ModeName, Is.EqualTo("planned"));
            Assert.That(options.StorePaths, Is.EqualTo(new[] { Directory.GetCurrentDirectory() }));
            Assert.That(options.Budget!.Value.Share, Is.EqualTo(0.4));
        });
    }

    [Test]
    public void Store_directories_add_up() =>
        Assert.That(Read("--budget 1GiB --store /a --store /b").StorePaths, Is.EqualTo(new[] { "/a", "/b" }));

    [TestCase("path", LeaseMode.PerPath)]
    [TestCase("global", LeaseMode.Global)]
    [TestCase("none", LeaseMode.None)]
    public void Leases_are_per_path_for_the_node_or_only_counted(string text, LeaseMode mode) =>
        Assert.That(Read($"--budget 40% --leases {text}").Leases!.Mode, Is.EqualTo(mode));

    [TestCase("", HostMemoryMode.WriteBack)]
    [TestCase("--host-mode write-through", HostMemoryMode.WriteThrough)]
    public void A_host_tier_is_emulated_on_request(string mode, HostMemoryMode expected) =>
        Assert.That(
            Read($"--budget 40% --host-memory 1GiB {mode}").HostMemory,
            Is.EqualTo(new HostMemoryOptions { Budget = ByteSize.FromGiB(1), Mode = expected, AllowOnCpu = true }));

    [Test]
    public void A_larger_vocabulary_of_the_tokenizer_wins() =>
        Assert.That(Read("--config nano --tokenizer cl100k --no-offload").Config.Vocabulary, Is.EqualTo(100_277));

    [Test]
    public void Observing_and_nothing_at_all_have_their_names()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Read("--no-offload").ModeName, Is.EqualTo("observe"));
            Assert.That(Read("--unobserved").ModeName, Is.EqualTo("none"));
        });
    }

    [TestCase("--mode guess --budget 40%", "--mode 'guess'")]
    [TestCase("--mode ondemand --budget 40% --trace t.json", "--mode planned")]
    [TestCase("--budget 40% --policy magic", "no policy 'magic'")]
    [TestCase("--budget 40% --emulate-read 1GiB", "--emulate-write")]
    [TestCase("--budget 40% --write-limit much", "--write-limit")]
    [TestCase("--budget 40% --emulate-read fast --emulate-write 1GiB", "--emulate-read")]
    [TestCase("--budget 40% --host-memory some", "--host-memory 'some'")]
    [TestCase("--budget 40% --host-memory 1GiB --host-mode lazy", "--host-mode 'lazy'")]
    [TestCase("--budget 40% --leases sometimes", "--leases 'sometimes'")]
    [TestCase("--study planned --budget 40%", "--study")]
    [TestCase("--study magic", "no policy 'magic'")]
    [TestCase("--study planned --budgets 0%", "percentage")]
    [TestCase("--study planned --measure 0", "--measure")]
    [TestCase("--study planned --rounds 0", "--rounds")]
    [TestCase("--budget 40% --same-traffic", "--study")]
    [TestCase("--study planned --budgets 40% --same-traffic --host-memory 1GiB", "--host-memory")]
    [TestCase("--budget x%", "percentage")]
    [TestCase("--budget 0%", "percentage")]
    [TestCase("--budget 101%", "percentage")]
    [TestCase("--budget lots", "--budget 'lots'")]
    [TestCase("--budget 1GiB --no-offload", "contradict")]
    [TestCase("", "--budget")]
    [TestCase("--compare --no-offload", "--compare")]
    [TestCase("--compare --budget 40% --checkpoint x", "--checkpoint")]
    [TestCase("--no-offload --stop-after 3", "--checkpoint")]
    [TestCase("--data-parallel --budget 1GiB --compare", "--compare")]
    [TestCase("--data-parallel --budget 40%", "--unlimited-peak")]
    [TestCase("--data-parallel --no-offload --resume x", "--dropout 0")]
    [TestCase("--study planned --data-parallel", "--data-parallel")]
    [TestCase("--device gpu --no-offload", "--device 'gpu'")]
    [TestCase("--device cuda --budget 1GiB --backend threads", "staged")]
    [TestCase("--budget 1GiB --backend staged", "--device cpu")]
    [TestCase("--budget 1GiB --backend tape", "--backend 'tape'")]
    [TestCase("--device cuda --budget 1GiB --host-memory 1GiB", "--host-memory")]
    [TestCase("--budget 1GiB --read-waits stream", "--device cpu")]
    [TestCase("--device cuda --budget 1GiB --read-waits gpu", "--read-waits 'gpu'")]
    [TestCase("--device cuda --budget 1GiB --read-waits stream --leases path", "--leases none")]
    [TestCase("--device cuda --no-offload --data-parallel", "--data-parallel")]
    [TestCase("--device cuda --no-offload --resume x", "--dropout 0")]
    [TestCase("--no-offload --config huge", "gpt2-small")]
    [TestCase("--no-offload --width 65", "--heads")]
    [TestCase("--no-offload --dropout 1", "--dropout")]
    [TestCase("--no-offload --steps 0", "--steps")]
    [TestCase("--no-offload --accumulate -1", "--accumulate")]
    [TestCase("--no-offload --optimizer adagrad", "adamw")]
    [TestCase("--no-offload --tokenizer morse", "cl100k")]
    [TestCase("--no-offload --unlimited-peak much", "--unlimited-peak")]
    [TestCase("--no-offload --layers two", "--layers")]
    [TestCase("--no-offload --colour red", "--colour")]
    public void Unusable_arguments_are_refused_by_name(string arguments, string expected) =>
        Assert.That(() => Read(arguments), Throws.InstanceOf<ConfigurationException>().With.Message.Contains(expected));

    [TestCase("", StorageBackend.Auto)]
    [TestCase("--backend staged", StorageBackend.Staged)]
    [TestCase("--backend cufile", StorageBackend.CuFile)]
    public void Training_on_a_gpu_has_a_device_and_a_backend(string arguments, StorageBackend backend)
    {
        var options = Read($"--device cuda:2 --budget 1GiB {arguments}");

        Assert.That((options.Device, options.Backend), Is.EqualTo((TensorDevice.Cuda(2), backend)));
    }

    [Test]
    public void The_default_device_is_the_cpu() =>
        Assert.That(Read("--budget 1GiB --backend threads"), Has.Property("Device").EqualTo(TensorDevice.Cpu).And.Property("Backend").EqualTo(StorageBackend.Threads));

    [TestCase("", false)]
    [TestCase("--read-waits host", false)]
    [TestCase("--read-waits stream", true)]
    [TestCase("--read-waits stream --leases none", true)]
    public void Who_waits_for_reads_may_be_chosen(string arguments, bool inStream) =>
        Assert.That(Read($"--device cuda --budget 1GiB {arguments}").ReadWaits, Is.EqualTo(inStream ? ReadWaits.InStream : ReadWaits.OnHost));

    [TestCase("", null)]
    [TestCase("--verify-reads true", true)]
    [TestCase("--verify-reads false", false)]
    public void Whether_reads_are_verified_is_left_to_the_session_unless_it_is_said(string arguments, bool? expected) =>
        Assert.That(Read($"--budget 40% {arguments}").VerifyReads, Is.EqualTo(expected));

    [Test]
    public void A_bare_number_is_a_budget_in_bytes() =>
        Assert.That(Read("--budget 40").Budget!.Value.Bytes, Is.EqualTo(new ByteSize(40)));

    [Test]
    public void A_share_refers_to_the_unlimited_peak() =>
        Assert.That(BudgetChoice.Parse("12.5%").Resolve(new ByteSize(800)), Is.EqualTo(new ByteSize(100)));

    [Test]
    public void A_child_gets_the_training_but_not_the_budget_or_the_outputs()
    {
        string[] parent =
        [
            "--config", "30M", "--budget", "40%", "--compare", "--json=out", "--unlimited-peak", "2GiB", "--checkpoint", "c",
            "--store", "/a", "--no-offload", "true", "--same-traffic", "--steps", "3",
        ];

        Assert.That(
            ChildRun.Arguments(parent, "--no-offload"),
            Is.EqualTo(new[] { "--config", "30M", "--store", "/a", "--steps", "3", "--no-offload" }));
    }

    private static RunOptions Read(string arguments)
    {
        var commandLine = new CommandLine();
        return commandLine.Read(commandLine.Root.Parse(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
    }
}
