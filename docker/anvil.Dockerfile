# A local EVM chain for trying things out. Not for money.

FROM node:22.20.0-bookworm-slim
# The program is inside the package; its install scripts are not needed.
RUN npm install --global --ignore-scripts --no-audit --no-fund @foundry-rs/anvil@1.7.1
RUN mkdir /data && chown node /data
USER node
VOLUME /data
EXPOSE 8545
ENTRYPOINT ["anvil"]
