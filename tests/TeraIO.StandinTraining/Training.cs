using TorchSharp;
using static TorchSharp.torch;

namespace TeraIO.StandinTraining;

/// <summary>What an unchanged TorchSharp program does to train: move, forward, backward, clip, step.</summary>
internal static class Training
{
    /// <summary>Trains from the same seed; the losses, and at the end a sum over each parameter.</summary>
    public static List<float> Run(Device device, double dropout, int steps)
    {
        random.manual_seed(7);
        var losses = new List<float>();
        using var scope = NewDisposeScope();
        using var model = new Transformer(dropout);
        model.to(device);
        using optim.Optimizer optimizer = optim.AdamW(model.parameters(), 1e-3);
        for (int step = 0; step < steps; step++)
            losses.Add(Step(model, optimizer, device, step));
        using (no_grad())
        {
            foreach (var parameter in model.parameters())
                losses.Add(parameter.abs().sum().item<float>());
        }

        return losses;
    }

    private static float Step(Transformer model, optim.Optimizer optimizer, Device device, int step)
    {
        using var scope = NewDisposeScope();
        var random = new Random(step);
        (int batch, int length) = (step % 2 == 0 ? 4 : 3, 16);
        long[] text = [.. Enumerable.Range(0, batch * (length + 1)).Select(_ => (long)random.Next(Transformer.Vocabulary))];
        Tensor all = tensor(text, [batch, length + 1]).to(device);
        optimizer.zero_grad();
        Tensor logits = model.forward(all.slice(1, 0, length, 1));
        Tensor loss = nn.functional.cross_entropy(logits.view(-1, Transformer.Vocabulary), all.slice(1, 1, length + 1, 1).reshape(-1));
        loss.backward();
        nn.utils.clip_grad_norm_(model.parameters(), 1.0);
        optimizer.step();
        return loss.item<float>();
    }
}
