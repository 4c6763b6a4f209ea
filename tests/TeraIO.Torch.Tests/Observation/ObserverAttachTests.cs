using System.Runtime.InteropServices;
using TeraIO.Core;
using TeraIO.Core.Runtime;
using TeraIO.Torch.Interop;
using TeraIO.Torch.Observation;
using TeraIO.Torch.Runtime;

namespace TeraIO.Torch.Tests.Observation;

/// <summary>The self-proof at attach refuses every libtorch that is not the one the layout table describes.</summary>
[TestFixture]
[NonParallelizable]
public unsafe class ObserverAttachTests
{
    // Those behind them in the table describe the CUDA allocator.
    private const int LayoutFields = 15;

    [OneTimeSetUp]
    public void LoadTorch() => TorchRuntime.Initialize();

    [Test]
    public void Refuses_a_layout_with_one_wrong_offset(
        [Range(1, LayoutFields)] int field,
        [Values(-8, 1, 8, 64)] int bytes)
    {
        var options = new ObserverOptions { MinimumBytes = 65536, SkewField = (uint)field, SkewBytes = bytes };

        var refusal = Assert.Throws<ConfigurationException>(() => Attach(options).Dispose());

        Assert.That(refusal!.Message, Does.Contain("does not match its layout table"));
    }

    [Test]
    public void Refuses_an_unknown_libtorch_version_and_names_it()
    {
        nint version = Marshal.StringToCoTaskMemUTF8("9.8.7");
        var options = new ObserverOptions { MinimumBytes = 65536, AssumeVersion = (byte*)version };

        var refusal = Assert.Throws<ConfigurationException>(() => Attach(options).Dispose());

        Marshal.FreeCoTaskMem(version);
        Assert.That(refusal!.Message, Does.Contain("9.8.7").And.Contain("2.10.0"));
    }

    [Test]
    public void Refuses_a_session_on_cuda_where_libtorch_has_none_and_says_what_to_do()
    {
        var options = new ObserverOptions { MinimumBytes = 65536, DeviceType = ObserverDevice.Cuda };

        var refusal = Assert.Throws<ConfigurationException>(() => Attach(options).Dispose());

        Assert.That(refusal!.Message, Does.Contain("libtorch_cuda.so").And.Contain("TERAIO_LIBTORCH").And.Contain("2.10.0"));
    }

    [Test]
    public void A_session_on_the_cpu_has_no_current_stream()
    {
        using ObserverBridge bridge = Attach(new ObserverOptions { MinimumBytes = 65536 });

        Assert.That(() => ObserverBridge.CurrentStream(), Throws.TypeOf<TeraIOException>().With.Message.Contains("CPU"));
    }

    [Test]
    public void Refuses_a_second_observer()
    {
        using ObserverBridge first = Attach(new ObserverOptions { MinimumBytes = 65536 });

        Assert.Throws<ConfigurationException>(() => Attach(new ObserverOptions { MinimumBytes = 65536 }).Dispose());
    }

    [Test]
    public void Works_again_after_a_refusal()
    {
        Assert.Throws<ConfigurationException>(() => Attach(new ObserverOptions { MinimumBytes = 65536, SkewField = 7, SkewBytes = 8 }).Dispose());

        Assert.DoesNotThrow(() => Attach(new ObserverOptions { MinimumBytes = 65536 }).Dispose());
    }

    private static ObserverBridge Attach(ObserverOptions options) =>
        ObserverBridge.Attach(new OnDemandEngine(new TorchStorageMemory(), store: null, long.MaxValue), options);
}
