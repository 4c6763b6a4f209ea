using System.Text.Json;
using TeraIO.Core;
using TeraIO.Torch;
using TorchSharp;
using TorchSharp.Modules;

namespace TeraIO.Samples.GptTraining;

/// <summary>What a checkpoint says besides tensors.</summary>
/// <param name="Model">Shape of the model.</param>
/// <param name="Optimizer">Name of the optimizer.</param>
/// <param name="Tokenizer">Name of the tokenizer.</param>
/// <param name="Text">Description of the training text.</param>
/// <param name="Step">Steps done.</param>
/// <param name="TextPosition">Training tokens consumed.</param>
/// <param name="RandomState">State of TorchSharp's default generator.</param>
/// <param name="OptimizerSteps">The optimizer's step counts, one per parameter.</param>
internal sealed record CheckpointMetadata(
    GptConfig Model, string Optimizer, string Tokenizer, string Text, int Step, long TextPosition, byte[] RandomState, long[] OptimizerSteps);

/// <summary>
/// Saves and loads everything that the next step depends on, one tensor in memory at a time, so that it works under
/// any budget that trains the model.
/// </summary>
internal sealed class TrainingState(GptModel model, OptimizerHelper optimizer, OffloadSession? session)
{
    /// <summary>Writes a checkpoint; the tensors and the generator's state are those of now, the rest is given.</summary>
    /// <exception cref="TeraIOException">The file cannot be written, or a tensor not be brought back.</exception>
    public void Save(string path, string optimizerName, string tokenizer, string text, int step, long textPosition)
    {
        using var scope = torch.NewDisposeScope();
        var metadata = new CheckpointMetadata(
            model.Config, optimizerName, tokenizer, text, step, textPosition,
            torch.get_rng_state().bytes.ToArray(), Optimizers.StepCounts(optimizer));
        using var writer = new CheckpointWriter(path, JsonSerializer.SerializeToUtf8Bytes(metadata));
        foreach (var (name, slot) in Tensors())
        {
            if (slot.Get() is not { } tensor)
                continue;
            using var pin = session?.Pin(tensor);
            using var host = tensor.cpu(); // itself where it is there already
            writer.Add(name, host.bytes);
        }
        writer.Complete();
    }

    /// <summary>Reads what a checkpoint says of itself, and refuses one that belongs to another training.</summary>
    /// <exception cref="ConfigurationException">Model, optimizer, tokenizer or text differ; the message says which.</exception>
    public static CheckpointMetadata ReadMetadata(CheckpointReader reader, GptConfig config, string optimizerName, string tokenizer, string text)
    {
        var metadata = Parse(reader);
        // The batch counts: it decides how much of the text is held out, and so which tokens come next.
        Same("model", metadata.Model with { Name = "" }, config with { Name = "" });
        Same("optimizer", metadata.Optimizer, optimizerName);
        Same("tokenizer", metadata.Tokenizer, tokenizer);
        Same("text", metadata.Text, text);
        return metadata;
    }

    /// <summary>Restores tensors, step counts and the generator.</summary>
    /// <exception cref="CorruptionException">The file is damaged; nothing was changed.</exception>
    /// <exception cref="ConfigurationException">The file's tensors are not this model's.</exception>
    public void Load(CheckpointReader reader, CheckpointMetadata metadata)
    {
        reader.Verify();
        var slots = Tensors().ToDictionary(t => t.Name, t => t.Slot);
        torch.Tensor? incoming = null;
        IDisposable? pin = null;
        try
        {
            reader.ReadAll(
                (name, bytes) =>
                {
                    incoming = Incoming(slots, name, bytes);
                    // A device's session does not count or move what is in host memory.
                    pin = slots[name].Parameter.device_type == DeviceType.CPU ? session?.Pin(incoming) : null;
                    return incoming.bytes;
                },
                name =>
                {
                    Accept(slots[name], incoming!);
                    pin?.Dispose();
                    incoming!.Dispose();
                });
        }
        finally
        {
            pin?.Dispose();
            incoming?.Dispose();
        }
        Optimizers.SetStepCounts(optimizer, metadata.OptimizerSteps);
        using var random = torch.tensor(metadata.RandomState, torch.uint8);
        torch.set_rng_state(random);
    }

    private static torch.Tensor Incoming(Dictionary<string, StateSlot> slots, string name, long bytes)
    {
        if (!slots.TryGetValue(name, out var slot))
            throw new ConfigurationException($"The checkpoint has a tensor {name} that this model and optimizer do not have.");
        var incoming = torch.empty(slot.Parameter.shape);
        if (incoming.NumberOfElements * incoming.ElementSize == bytes)
            return incoming;
        incoming.Dispose();
        throw new ConfigurationException($"Tensor {name} has {bytes} bytes in the checkpoint, which does not fit the model's shape [{string.Join(", ", slot.Parameter.shape)}].");
    }

    // Through an op, not through memory: a session sees ops, so it knows that the tensor has changed.
    private static void Accept(StateSlot slot, torch.Tensor incoming)
    {
        using var noGradients = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        if (slot.Get() is { } present)
            present.copy_(incoming);
        else
            slot.Set(incoming.to(slot.Parameter.device, copy: true).DetachFromDisposeScope());
    }

    private IEnumerable<(string Name, StateSlot Slot)> Tensors()
    {
        var parameters = model.named_parameters().ToList();
        foreach (var (name, parameter) in parameters)
            yield return (name, new StateSlot(parameter, () => parameter, _ => { }));
        var owners = optimizer.parameters().ToList();
        var slots = Optimizers.Slots(optimizer);
        for (var i = 0; i < owners.Count; i++)
        {
            var owner = parameters.Find(p => p.parameter.Handle == owners[i].Handle);
            foreach (var slot in slots[i])
                yield return ($"{owner.name}/{slot.Name}", new StateSlot(owner.parameter, slot.Get, slot.Set));
        }
    }

    private static CheckpointMetadata Parse(CheckpointReader reader)
    {
        try
        {
            return JsonSerializer.Deserialize<CheckpointMetadata>(reader.Metadata)
                ?? throw new ConfigurationException("The checkpoint's metadata is empty.");
        }
        catch (JsonException e)
        {
            throw new ConfigurationException($"The checkpoint's metadata cannot be read: {e.Message}", e);
        }
    }

    private static void Same<T>(string what, T saved, T wanted)
    {
        if (!EqualityComparer<T>.Default.Equals(saved, wanted))
            throw new ConfigurationException($"The checkpoint's {what} is {saved}, but the options ask for {wanted}. Resume with the options that it was made with.");
    }

    private readonly record struct StateSlot(Parameter Parameter, Func<torch.Tensor?> Get, Action<torch.Tensor> Set);
}
