import { type Described, describedSystem } from "./described-system.ts";

const host = "cluster.test";

/** Kubernetes' description, from Debian's source package. */
export const kubernetes: Described = {
  name: "Kubernetes unversioned (of 1.20.2)",
  description: "sha256:c7354e6ab4034a89873229a9b7c1fa31fa6242b2e5f5a9b67c3be4fc67cb903c",
  host,
  credential: { header: "authorization", value: "Bearer live-kubernetes-token-0001" },
  secrets: { "env:KUBERNETES_AUTHORIZATION": "Bearer live-kubernetes-token-0001" },
  calls(port) {
    const at = { host, port };
    const node = [`host:${host}`, "node:worker-1"];
    return {
      "kubernetes.cluster-role-bindings": {
        inputs: at,
        over: {
          metadata: { continue: "" },
          items: [
            {
              metadata: { name: "cluster-admin" },
              roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
              subjects: [{ kind: "Group", name: "system:masters" }],
            },
          ],
        },
        outputs: {
          complete: true,
          bindings: [{ name: "cluster-admin", role: "cluster-admin", subjects: ["Group:system:masters"] }],
        },
        subjects: [`host:${host}`],
      },
      "kubernetes.cordon-node": {
        inputs: { ...at, node: "worker-1" },
        over: { spec: { unschedulable: true } },
        outputs: { node: "worker-1", unschedulable: true },
        subjects: node,
      },
      "kubernetes.network-policies": {
        inputs: { ...at, namespace: "shop" },
        over: {
          metadata: { continue: "" },
          items: [
            { metadata: { name: "default-deny" }, spec: { podSelector: {}, policyTypes: ["Ingress"] } },
          ],
        },
        outputs: { complete: true, policies: [{ name: "default-deny", types: ["Ingress"] }] },
        subjects: [`host:${host}`, "namespace:shop"],
      },
      "kubernetes.node": {
        inputs: { ...at, node: "worker-1" },
        over: { spec: { unschedulable: true } },
        outputs: { unschedulable: true },
        otherwise: { over: { spec: { unschedulable: false } }, outputs: { unschedulable: false } },
        subjects: node,
      },
      "kubernetes.service-account": {
        inputs: { ...at, namespace: "shop", name: "web" },
        over: { automountServiceAccountToken: false, secrets: [{ name: "web-token-1" }] },
        outputs: { automount: false, secrets: 1 },
        subjects: [`host:${host}`, "service-account:shop/web"],
      },
    };
  },
};

export const kubernetesSystem = describedSystem(kubernetes);
