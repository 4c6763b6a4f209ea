using TeraIO.Core;
using TeraIO.Torch.Runtime;
using TorchSharp;

namespace TeraIO.Torch.Tests.Runtime;

public class TorchRuntimeTests
{
    [Test]
    public void TorchSharp_computes_after_initialisation()
    {
        TorchRuntime.Initialize();

        using var scope = torch.NewDisposeScope();
        Assert.That(torch.arange(5).sum().item<long>(), Is.EqualTo(10));
    }

    [Test]
    public void Concurrent_and_later_calls_get_the_one_answer()
    {
        var answers = new TorchRuntimeInfo[8];

        Parallel.For(0, answers.Length, i => answers[i] = TorchRuntime.Initialize());

        Assert.That(answers, Is.All.SameAs(TorchRuntime.Initialize()));
    }

    [Test]
    public void The_answer_names_a_supported_version_and_an_existing_directory()
    {
        var info = TorchRuntime.Initialize();

        Assert.Multiple(() =>
        {
            Assert.That(info.LibTorchVersion, Does.StartWith(TorchRuntime.SupportedVersion + "."));
            Assert.That(Path.Combine(info.LibTorchDirectory, "libtorch_cpu.so"), Does.Exist);
            Assert.That(info.LibTorchSharpPath, Does.Exist);
            Assert.That(info.LibStdCxxPath, Does.Exist);
            Assert.That(info.RelaxedCopyPath is null || info.IsRelaxed, Is.True);
        });
    }

    [Test]
    public void Another_libtorch_in_the_same_process_is_refused()
    {
        TorchRuntime.Initialize();

        Assert.That(
            () => TorchRuntime.Initialize(new TorchRuntimeOptions { LibTorchDirectory = "/somewhere/else" }),
            Throws.InstanceOf<ConfigurationException>().With.Message.Contains("/somewhere/else"));
    }

    [Test]
    public void A_libtorch_of_another_version_is_refused_unless_it_is_taken_for_the_supported_one()
    {
        Assert.Multiple(() =>
        {
            Assert.That(TorchRuntime.CheckVersion("2.10.1", null, "/lib"), Is.EqualTo("2.10.1"));
            Assert.That(() => TorchRuntime.CheckVersion("2.11.0", null, "/lib"), Throws.InstanceOf<ConfigurationException>().With.Message.Contains("2.11.0").And.Message.Contains("TERAIO_ASSUME_LIBTORCH=2.10.0"));
            Assert.That(TorchRuntime.CheckVersion("2.11.0", "2.10.0", "/lib"), Is.EqualTo("2.11.0"));
            Assert.That(() => TorchRuntime.CheckVersion("2.10.0", "2.11.0", "/lib"), Throws.InstanceOf<ConfigurationException>().With.Message.Contains("taken for 2.11.0"));
        });
    }

    [Test]
    public void The_bin_folder_carries_no_libtorch() =>
        Assert.That(Directory.GetFiles(AppContext.BaseDirectory, "libtorch*", SearchOption.AllDirectories), Is.Empty);
}
