using System.Text.Json;
using TeraIO.Core.Tracing;

namespace TeraIO.Cli.Tests;

/// <summary>Runs command lines in this process, in a directory of their own with a small trace in it.</summary>
public abstract class CliFixture
{
    /// <summary>Bandwidths with which the small trace stalls.</summary>
    protected static readonly string[] Machine = ["--read-bw", "2MB/s", "--write-bw", "1MB/s"];

    protected string Folder { get; private set; } = "";

    protected string TraceFile => System.IO.Path.Combine(Folder, "small.trace.json");

    [SetUp]
    public void MakeFolder()
    {
        Folder = Directory.CreateTempSubdirectory("teraio-cli-").FullName;
        Core.Tracing.TraceFile.Write(SmallTrace(), TraceFile);
    }

    [TearDown]
    public void RemoveFolder() => Directory.Delete(Folder, recursive: true);

    protected string Path(string name) => System.IO.Path.Combine(Folder, name);

    /// <summary>Runs a command line; its trace option and machine are up to the caller.</summary>
    protected static (int Code, string Out, string Error) Run(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int code = Teraio.RunAsync(arguments, new CommandConsole(output, error)).GetAwaiter().GetResult();
        return (code, output.ToString(), error.ToString());
    }

    /// <summary>Runs a command that must succeed and returns its JSON.</summary>
    protected static JsonElement Json(params string[] arguments)
    {
        (int code, string output, string error) = Run([.. arguments, "--json"]);
        Assert.That(code, Is.Zero, error);
        Assert.That(error, Is.Empty);
        return JsonDocument.Parse(output).RootElement;
    }

    /// <summary>Runs a command that must fail with one line on the error writer and nothing else.</summary>
    protected static string Failure(int code, params string[] arguments)
    {
        (int actual, string output, string error) = Run(arguments);
        Assert.That(actual, Is.EqualTo(code), error + output);
        Assert.That(output, Is.Empty);
        Assert.That(error.TrimEnd('\n', '\r').Split('\n'), Has.Length.EqualTo(1), error);
        Assert.That(error, Does.StartWith("teraio: "));
        return error;
    }

    /// <summary>Six layers: weights of 100 kB, activations of 200 kB, gradients and optimizer state. 28 ops of 50 ms.</summary>
    private static Trace SmallTrace()
    {
        const int Layers = 6;
        var builder = new TraceBuilder(new TraceHeader("six layers", "TeraIO.Cli.Tests", BaselineBytes: 1000, Tokens: 128));
        var weights = new int[Layers];
        var states = new int[Layers];
        var activations = new int[Layers];
        var gradients = new int[Layers];
        for (int i = 0; i < Layers; i++)
        {
            weights[i] = builder.AddTensor(new TraceTensor(100_000, TensorKind.Parameter, true, $"layer{i}.weight"));
            states[i] = builder.AddTensor(new TraceTensor(200_000, TensorKind.OptimizerState, true, $"layer{i}.state"));
            activations[i] = builder.AddTensor(new TraceTensor(200_000, TensorKind.Activation, false, $"layer{i}.out"));
            gradients[i] = builder.AddTensor(new TraceTensor(100_000, TensorKind.Gradient, false, $"layer{i}.weight.grad"));
        }

        for (int i = 0; i < Layers; i++)
        {
            builder.AddOp(new TraceOp("aten::linear", 0.05, OpPhase.Forward, $"layer{i}"));
            builder.Access(weights[i], AccessKind.Read);
            if (i > 0) builder.Access(activations[i - 1], AccessKind.Read);
            builder.Access(activations[i], AccessKind.Create);
        }

        for (int i = Layers - 1; i >= 0; i--)
        {
            builder.AddOp(new TraceOp("aten::linear_backward", 0.1, OpPhase.Backward, $"layer{i}"));
            builder.Access(weights[i], AccessKind.Read);
            builder.Access(activations[i], AccessKind.Read | AccessKind.Free);
            builder.Access(gradients[i], AccessKind.Create);
        }

        for (int i = 0; i < Layers; i++)
        {
            builder.AddOp(new TraceOp("adamw", 0.01, OpPhase.Update, $"layer{i}"));
            builder.Access(weights[i], AccessKind.Read | AccessKind.Write);
            builder.Access(states[i], AccessKind.Read | AccessKind.Write);
            builder.Access(gradients[i], AccessKind.Read | AccessKind.Free);
        }

        return builder.Build();
    }
}
